//! What a body must hold. Every fault of it is told at once, field by field, in the words of the library that the
//! original validated with.

use std::collections::BTreeMap;

use examples_common::{BodyFault, Fields};
use keystile_accounts::{Accounts, BrokenRule, SignUp};
use serde::Serialize;
use serde_json::Value;

use crate::answer::Refused;
use crate::store::Person;

const MISSING: &str = "Missing data for required field.";
const UNKNOWN: &str = "Unknown field.";
const NULL: &str = "Field may not be null.";
const NO_STRING: &str = "Not a valid string.";

const LONGEST_NAME: usize = 100;
/// ITU-T E.164 allows fifteen digits; the shortest local numbers have five.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 5..=15;
const LONGEST_PHONE: usize = 32;

/// What is wrong, by field.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Faults(BTreeMap<String, Vec<String>>);

impl Faults {
    /// One field's fault.
    pub(crate) fn of(field: &str, words: impl Into<String>) -> Self {
        let mut faults = Self::default();
        faults.note(field, words);
        faults
    }

    /// Notes a fault, unless one of this field is noted: what came first is the cause of what follows.
    pub(crate) fn note(&mut self, field: &str, words: impl Into<String>) {
        self.0
            .entry(field.to_owned())
            .or_insert_with(|| vec![words.into()]);
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Passes where nothing is wrong.
    pub(crate) fn none(self) -> Result<(), Refused> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(Refused::invalid(self))
        }
    }
}

/// A body's members, and what was found wrong with them so far.
#[derive(Debug)]
pub(crate) struct Form {
    fields: Fields,
    faults: Faults,
}

impl Form {
    pub(crate) fn new(body: Result<Fields, BodyFault>) -> Result<Self, Refused> {
        let faults = Faults::default();
        Ok(Self {
            fields: body?,
            faults,
        })
    }

    /// A required string. What is none is noted, and is empty here.
    fn text(&mut self, name: &str) -> String {
        let fault = match self.fields.take(name) {
            Some(Value::String(text)) => return text,
            None => MISSING,
            Some(Value::Null) => NULL,
            Some(_) => NO_STRING,
        };
        self.faults.note(name, fault);
        String::new()
    }

    /// Everything that was not asked for is unknown: `admin` among it, which is not for the caller to say.
    fn ends(mut self) -> Result<(), Refused> {
        for name in self.fields.names() {
            self.faults.note(name, UNKNOWN);
        }
        self.faults.none()
    }

    /// The two fields of a sign-in.
    pub(crate) fn credentials(mut self) -> Result<(String, String), Refused> {
        let credentials = (self.text("email"), self.text("password"));
        self.ends()?;
        Ok(credentials)
    }

    /// The five fields of a sign-up. The accounts say what a username, an e-mail address and a password must be.
    pub(crate) fn sign_up(mut self, accounts: &Accounts) -> Result<(Person, SignUp), Refused> {
        let person = Person {
            name: self.text("name"),
            email: self.text("email"),
            phone: self.text("phone"),
            username: self.text("username"),
        };
        let request = SignUp::username(&person.username)
            .email(&person.email)
            .password(self.text("password"));
        if let Some(fault) = name_fault(&person.name) {
            self.faults.note("name", fault);
        }
        if !is_phone(&person.phone) {
            self.faults.note(
                "phone",
                "Not a valid phone number: write 5 to 15 digits, as in +44 20 7946 0018.",
            );
        }
        for rule in accounts.broken_rules(&request) {
            self.faults.note(rule.field, words(&rule));
        }
        self.ends()?;
        Ok((person, request))
    }
}

/// A broken rule of the accounts', in this program's words.
fn words(rule: &BrokenRule) -> String {
    match rule.code {
        "email_malformed" | "email_length" => "Not a valid email address.".to_owned(),
        "username_length" => "Length must be between 1 and 64.".to_owned(),
        "password_too_short" => "Shorter than minimum length 8.".to_owned(),
        "password_too_long" => "Longer than maximum length 256.".to_owned(),
        _ => format!("Not a valid {}: {}.", rule.field, rule.message),
    }
}

fn name_fault(name: &str) -> Option<String> {
    if name.trim().is_empty() || name.chars().nth(LONGEST_NAME).is_some() {
        return Some(format!("Length must be between 1 and {LONGEST_NAME}."));
    }
    // Line ends forge lines of a list; marks that turn the direction of the text make one name look like another.
    let hidden =
        |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    name.contains(hidden)
        .then(|| "Not a valid name: leave out control characters.".to_owned())
}

/// Digits, a `+` only before them, and between them what people write there. It is kept as written.
fn is_phone(phone: &str) -> bool {
    let digits = phone.chars().filter(char::is_ascii_digit).count();
    let plain = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-' | '.' | '(' | ')');
    let rest = phone.strip_prefix('+').unwrap_or(phone);
    phone.len() <= LONGEST_PHONE
        && PHONE_DIGITS.contains(&digits)
        && rest.starts_with(|c: char| c.is_ascii_digit() || c == '(')
        && rest.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::{is_phone, name_fault};

    #[test]
    fn phones_are_digits_as_people_write_them() {
        for sound in [
            "+44 20 7946 0018",
            "555-0100",
            "(020) 7946.0018",
            "12345",
            "123456789012345",
            "+(1) 23456",
        ] {
            assert!(is_phone(sound), "{sound}");
        }
        for wrong in [
            "",
            "1234",
            "1234567890123456",
            "call me",
            "+",
            "++4420794600",
            "44+20794600",
            " 12345",
            "-12345",
            "12345\n",
            "12345;ext=1",
            "１２３４５",
            "1 2 3 4 5                                 6",
        ] {
            assert!(!is_phone(wrong), "{wrong}");
        }
    }

    #[test]
    fn names_are_any_text_of_one_line() {
        for sound in [
            "Ada",
            "Ада Лавлейс",
            "O'Brien-Smith, Jr.",
            &"x".repeat(100),
            &"é".repeat(100),
            "<b>",
        ] {
            assert_eq!(name_fault(sound), None, "{sound}");
        }
        for wrong in [
            "",
            " ",
            "\t",
            &"x".repeat(101),
            "Ada\nBob",
            "A\0",
            "A\u{202e}da",
            "A\u{2028}b",
        ] {
            assert!(name_fault(wrong).is_some(), "{wrong:?}");
        }
    }
}
