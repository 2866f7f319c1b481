//! Usernames and e-mail addresses: normalise, then validate, then the unique index decides.

use unicode_normalization::UnicodeNormalization;

use crate::store;

const LONGEST_USERNAME: usize = 64;
/// RFC 5321, section 4.5.3.1: a path of 256 octets, less its angle brackets.
const LONGEST_EMAIL: usize = 254;
const LONGEST_LOCAL_PART: usize = 64;
const LONGEST_ID: usize = 64;
const LONGEST_AUDIENCE: usize = 256;

/// What a username may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UsernameRule {
    /// ASCII letters, digits, `.`, `_` and `-`: no lookalikes.
    #[default]
    Ascii,
    /// Letters and digits of any script after NFKC, and `.`, `_`, `-`: lookalikes are possible.
    Unicode,
}

/// The rule that a name breaks: its stable code and its words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadName {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

fn bad(code: &'static str, message: impl Into<String>) -> BadName {
    BadName {
        code,
        message: message.into(),
    }
}

/// Validates a username and makes the form by which it is unique: NFKC, lower case.
pub(crate) fn username(text: &str, rule: UsernameRule) -> Result<store::Identifier, BadName> {
    let key = username_key(text).ok_or_else(|| {
        bad(
            "username_length",
            format!("use 1 to {LONGEST_USERNAME} characters"),
        )
    })?;
    if text.contains('@') {
        return Err(bad(
            "username_at_sign",
            "a username has no @; give an e-mail address as such",
        ));
    }
    let allowed = |c: char| match rule {
        UsernameRule::Ascii => c.is_ascii_alphanumeric(),
        UsernameRule::Unicode => c.is_alphanumeric(),
    };
    // As written too: what NFKC would turn into an allowed character is not one.
    let plain = |form: &str| {
        form.chars()
            .all(|c| allowed(c) || matches!(c, '.' | '_' | '-'))
    };
    if !plain(text) || !plain(&key) {
        let letters = match rule {
            UsernameRule::Ascii => "use the letters a to z, digits, and . _ -",
            UsernameRule::Unicode => "use letters, digits, and . _ -",
        };
        return Err(bad("username_characters", letters));
    }
    Ok(store::Identifier {
        shown: text.to_owned(),
        key,
    })
}

/// The form by which a username is looked up; `None` if none of that length can exist.
pub(crate) fn username_key(text: &str) -> Option<String> {
    let short = !text.is_empty() && text.chars().nth(LONGEST_USERNAME).is_none();
    short.then(|| text.nfkc().collect::<String>().to_lowercase())
}

/// Validates an e-mail address in its outer form only: whether it receives anything only a message can tell.
pub(crate) fn email(text: &str) -> Result<store::Identifier, BadName> {
    let malformed = || bad("email_malformed", "write it like name@example.org");
    let key = email_key(text)
        .ok_or_else(|| bad("email_length", format!("use at most {LONGEST_EMAIL} bytes")))?;
    let (local, domain) = text.rsplit_once('@').ok_or_else(malformed)?;
    let printable = text
        .chars()
        .all(|c| !c.is_control() && !c.is_whitespace() && !is_invisible(c));
    let labels_sound = domain.split('.').all(|label| {
        let inner = label.chars().all(|c| c.is_alphanumeric() || c == '-');
        !label.is_empty() && inner && !label.starts_with('-') && !label.ends_with('-')
    });
    let local_sound = !local.is_empty()
        && local.len() <= LONGEST_LOCAL_PART
        && !local.contains(['@', '<', '>', '(', ')', '[', ']', ',', ';', ':', '\\', '"']);
    if printable && labels_sound && local_sound {
        Ok(store::Identifier {
            shown: text.to_owned(),
            key,
        })
    } else {
        Err(malformed())
    }
}

/// Characters that show nothing or turn the direction of the text: with one, an address looks like another's.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The form by which an e-mail address is looked up: lower case, NFC. `None` if none of that length can exist.
pub(crate) fn email_key(text: &str) -> Option<String> {
    let short = !text.is_empty() && text.len() <= LONGEST_EMAIL;
    short.then(|| text.nfc().collect::<String>().to_lowercase())
}

/// An id that an import brings.
pub(crate) fn account_id(text: &str) -> Result<(), BadName> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if !text.is_empty() && text.len() <= LONGEST_ID && text.chars().all(plain) {
        Ok(())
    } else {
        Err(bad(
            "id_malformed",
            format!("use 1 to {LONGEST_ID} characters of A-Z a-z 0-9 . _ -"),
        ))
    }
}

/// What people call a client: it is shown in lists, and named in commands.
pub(crate) fn client_name(text: &str) -> Result<(), BadName> {
    let shown = |c: char| !c.is_control() && !is_invisible(c);
    let long = text.chars().nth(LONGEST_USERNAME).is_some();
    if !text.is_empty() && !long && text.trim() == text && text.chars().all(shown) {
        return Ok(());
    }
    Err(bad(
        "name_malformed",
        format!("use 1 to {LONGEST_USERNAME} characters that can be seen, no space at either end"),
    ))
}

/// One scope (RFC 6749, section 3.3).
pub(crate) fn scope(text: &str) -> Result<(), BadName> {
    role(text).map_err(|bad| BadName {
        code: "scope_malformed",
        ..bad
    })
}

/// An audience: a URI as a rule (RFC 8707, section 2), but any text that an API may ask for.
pub(crate) fn audience(text: &str) -> Result<(), BadName> {
    let plain = |c: char| c.is_ascii_graphic() && c != '#';
    if !text.is_empty() && text.len() <= LONGEST_AUDIENCE && text.chars().all(plain) {
        return Ok(());
    }
    Err(bad(
        "audience_malformed",
        format!(
            "use 1 to {LONGEST_AUDIENCE} printable ASCII characters, no space and no #; the URL of an API, as a rule"
        ),
    ))
}

/// A role's name: what a `scope-token` of RFC 6749, section 3.3, may be.
pub(crate) fn role(text: &str) -> Result<(), BadName> {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\');
    if !text.is_empty() && text.len() <= 64 && text.chars().all(plain) {
        Ok(())
    } else {
        Err(bad(
            "role_malformed",
            "use 1 to 64 printable ASCII characters, no space, quote or backslash",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn username_code(text: &str, rule: UsernameRule) -> Option<&'static str> {
        username(text, rule).err().map(|bad| bad.code)
    }

    #[test]
    fn usernames_are_unique_whatever_their_case() {
        let ada = username("Ada.L-1_", UsernameRule::Ascii).unwrap();
        assert_eq!(
            (ada.shown.as_str(), ada.key.as_str()),
            ("Ada.L-1_", "ada.l-1_")
        );
    }

    #[test]
    fn usernames_are_ascii_unless_asked_otherwise() {
        for (text, code) in [
            ("", "username_length"),
            ("ada@home", "username_at_sign"),
            ("ada lovelace", "username_characters"),
            ("\u{430}da", "username_characters"), // Cyrillic a
            ("ａｄａ", "username_characters"),    // full width, which NFKC would make ASCII
            ("ad\u{200b}a", "username_characters"),
            ("ada\0", "username_characters"),
        ] {
            assert_eq!(
                username_code(text, UsernameRule::Ascii),
                Some(code),
                "{text:?}"
            );
        }
        assert_eq!(username_code(&"a".repeat(64), UsernameRule::Ascii), None);
        assert_eq!(
            username_code(&"a".repeat(65), UsernameRule::Ascii),
            Some("username_length")
        );
        assert_eq!(username_code("жанна", UsernameRule::Unicode), None);
        assert_eq!(
            username_code("ad\u{202e}a", UsernameRule::Unicode),
            Some("username_characters")
        );
    }

    #[test]
    fn emails_are_compared_in_lower_case_and_kept_as_written() {
        let email = email("Ada@Example.ORG").unwrap();
        assert_eq!(
            (email.shown.as_str(), email.key.as_str()),
            ("Ada@Example.ORG", "ada@example.org")
        );
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        for text in [
            "ada",
            "@example.org",
            "ada@",
            "ada@-x.org",
            "ada@x..org",
            "a da@x.org",
            "ada@x.org\r\nbcc: b@x.org",
            "a@b@x.org",
            "<ada@x.org>",
            "ada@x.org,bob@x.org",
            "ad\u{200b}a@x.org",
            "\u{202e}ada@x.org",
        ] {
            assert_eq!(
                email(text).map_err(|bad| bad.code),
                Err("email_malformed"),
                "{text:?}"
            );
        }
        assert_eq!(
            email(&format!("a@{}.org", "x".repeat(250))).map_err(|bad| bad.code),
            Err("email_length")
        );
        assert!(email("ada+shop@localhost").is_ok());
    }
}
