//! Where an issuer writes what others write elsewhere: subject, roles and scope out of claims of other names.

use serde_json::{Map, Value};

use crate::payload::{self, Payload};
use crate::{Reason, Refusal, Roles, Scope};

/// A claim, or a member within one: `"cognito:groups"`, `["realm_access", "roles"]`. A name is taken letter by letter, so
/// that dots and slashes in it mean nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(Box<[Box<str>]>);

impl From<&str> for ClaimPath {
    fn from(name: &str) -> Self {
        Self::from([name])
    }
}

impl From<String> for ClaimPath {
    fn from(name: String) -> Self {
        Self::from([name])
    }
}

impl<N: AsRef<str>, const LENGTH: usize> From<[N; LENGTH]> for ClaimPath {
    fn from(names: [N; LENGTH]) -> Self {
        Self(names.iter().map(|name| name.as_ref().into()).collect())
    }
}

impl ClaimPath {
    /// The outermost member, by which a refusal names it.
    fn name(&self) -> &str {
        self.0.first().map_or("", |name| name)
    }

    /// What stands there. What is no object has no members.
    fn find<'v>(&self, members: &'v Map<String, Value>) -> Option<&'v Value> {
        let mut names = self.0.iter();
        let first = members.get(&**names.next()?)?;
        names.try_fold(first, |value, name| value.get(&**name))
    }

    fn malformed(&self) -> Refusal {
        Refusal::of_claim(Reason::TokenClaimMalformed, self.name())
    }
}

/// Where an entry's tokens say what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mapping {
    pub(crate) subject: Option<ClaimPath>,
    pub(crate) roles: Vec<ClaimPath>,
    pub(crate) scope: Vec<ClaimPath>,
}

impl Mapping {
    /// Puts what stands elsewhere in its place. A registered claim that is read from elsewhere may itself be of any type.
    pub(crate) fn apply(&self, read: &mut Payload, payload: &[u8]) -> Result<(), Refusal> {
        if read.malformed.is_some() {
            read.malformed = payload::malformed_but_for(payload, |name| self.replaces(name))?;
            if let Some(name) = read.malformed {
                return Err(Refusal::of_claim(Reason::TokenClaimMalformed, name));
            }
        }
        let members: Map<String, Value> =
            serde_json::from_slice(payload).map_err(|_| Reason::TokenMalformed)?;
        if let Some(path) = &self.subject {
            read.as_issued = Some(Box::new(read.claims.clone()));
            take_subject(path, &members, read)?;
        }
        if !self.roles.is_empty() {
            let roles = words(&self.roles, &members, |text| vec![text])?;
            read.claims.roles = roles.into_iter().collect::<Roles>();
        }
        if !self.scope.is_empty() {
            let split = |text| str::split_ascii_whitespace(text).collect();
            let scope = words(&self.scope, &members, split)?;
            read.claims.scope = scope.into_iter().collect::<Scope>();
        }
        Ok(())
    }

    fn replaces(&self, name: &str) -> bool {
        match name {
            "sub" => self.subject.is_some(),
            "roles" => !self.roles.is_empty(),
            "scope" => !self.scope.is_empty(),
            _ => false,
        }
    }
}

fn take_subject(
    path: &ClaimPath,
    members: &Map<String, Value>,
    read: &mut Payload,
) -> Result<(), Refusal> {
    let integer = |number: &serde_json::Number| number.as_i64().map(|number| number.to_string());
    let (subject, is_integer) = match path.find(members) {
        Some(Value::String(text)) => (text.clone(), false),
        Some(Value::Number(number)) => (integer(number).ok_or_else(|| path.malformed())?, true),
        Some(_) => return Err(path.malformed()),
        None => (String::new(), false),
    };
    read.claims.sub = subject;
    read.integer_subject = is_integer;
    Ok(())
}

/// The words at these places, each string taken apart by `split`, each element of an array one word.
fn words<'v>(
    paths: &[ClaimPath],
    members: &'v Map<String, Value>,
    split: impl Fn(&'v str) -> Vec<&'v str>,
) -> Result<Vec<&'v str>, Refusal> {
    let mut all = Vec::new();
    for path in paths {
        match path.find(members) {
            None => {}
            Some(Value::String(text)) => all.extend(split(text)),
            Some(Value::Array(elements)) => {
                for element in elements {
                    let word = element.as_str().ok_or_else(|| path.malformed())?;
                    // Two scopes in one element would be the issuer's one, and ours two.
                    if split(word) != [word] {
                        return Err(path.malformed());
                    }
                    all.push(word);
                }
            }
            Some(_) => return Err(path.malformed()),
        }
    }
    Ok(all)
}
