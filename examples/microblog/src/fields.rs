//! What a body says, and the original's words for one that does not say it.

use examples_common::{BodyFault, FieldFault, Fields};
use serde_json::Value;

use crate::answer::Refused;

/// The original's words for a bad body, by method.
pub(crate) const POST: &str = "Invalid POST body";
pub(crate) const DELETE: &str = "Invalid DELETE body";

/// The members of a JSON object, or why there are none.
pub(crate) type Body = Result<Fields, BodyFault>;

/// The named members, which must be strings that are not empty.
pub(crate) fn strings<const N: usize>(
    body: Body,
    names: [&'static str; N],
    words: &'static str,
) -> Result<[String; N], Refused> {
    object(body, words)?.strings(names).map_err(|fault| {
        let (FieldFault::Missing(name) | FieldFault::NotAString(name)) = fault;
        Refused::bad_request(words, format!("{name}: send a string"))
    })
}

/// The named member, which must be a whole number.
pub(crate) fn integer(body: Body, name: &'static str, words: &'static str) -> Result<i64, Refused> {
    let member = object(body, words)?.take(name);
    member
        .as_ref()
        .and_then(Value::as_i64)
        .ok_or_else(|| Refused::bad_request(words, format!("{name}: send a whole number")))
}

fn object(body: Body, words: &'static str) -> Result<Fields, Refused> {
    body.map_err(|fault| match fault {
        BodyFault::NotJson | BodyFault::TooLong => Refused::new(fault.status(), fault.sentence()),
        BodyFault::NotAnObject | BodyFault::Unreadable => {
            Refused::bad_request(words, fault.sentence())
        }
    })
}
