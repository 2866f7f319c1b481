//! What a new password must be (NIST SP 800-63B-4, section 3.1.1.2), and the form in which it is hashed.

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::common;

/// The longest password in characters, counted before any other work is done on it.
pub(crate) const LONGEST: usize = 256;

/// The rules for new passwords. They apply when a password is set, never when it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    shortest: usize,
    refuse_common: bool,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self {
            shortest: 15,
            refuse_common: true,
        }
    }
}

/// The rule that a password breaks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl PasswordPolicy {
    /// The fewest characters (Unicode code points after NFKC): 15 by default, never below 8, never above 64.
    #[must_use]
    pub fn shortest(mut self, characters: usize) -> Self {
        self.shortest = characters.clamp(8, 64);
        self
    }

    /// Accepts common passwords and the account's own name too.
    #[must_use]
    pub fn allow_common(mut self) -> Self {
        self.refuse_common = false;
        self
    }

    /// Checks a new password; `names` are the account's username and e-mail address.
    pub(crate) fn check(
        &self,
        password: &str,
        names: &[&str],
    ) -> Result<Zeroizing<String>, Broken> {
        let Some(normal) = normalise(password) else {
            return Err(broken(
                "password_too_long",
                format!("use at most {LONGEST} characters"),
            ));
        };
        if normal.chars().count() < self.shortest {
            return Err(broken(
                "password_too_short",
                format!(
                    "use at least {} characters; a few words in a row are easy to remember",
                    self.shortest
                ),
            ));
        }
        if self.refuse_common && names.iter().any(|name| common::is_name(&normal, name)) {
            return Err(broken(
                "password_is_name",
                "this is the account's own name; use another".to_owned(),
            ));
        }
        if self.refuse_common && common::is_common(&normal) {
            return Err(broken(
                "password_common",
                "this is among the first that anybody would try; use another".to_owned(),
            ));
        }
        Ok(normal)
    }
}

fn broken(code: &'static str, message: String) -> Broken {
    Broken { code, message }
}

/// NFKC (RFC 8265 leaves the choice; NIST asks for one of NFKC and NFKD), so that the same password typed on another
/// keyboard is the same bytes. `None` if it is longer than [`LONGEST`] before or after.
pub(crate) fn normalise(password: &str) -> Option<Zeroizing<String>> {
    if password.chars().nth(LONGEST).is_some() {
        return None;
    }
    // One allocation that holds any outcome: a growing one would leave unwiped copies behind.
    let mut normal = Zeroizing::new(String::with_capacity(4 * LONGEST + 4));
    for (at, character) in password.nfkc().enumerate() {
        if at == LONGEST {
            return None;
        }
        normal.push(character);
    }
    Some(normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(policy: PasswordPolicy, password: &str) -> Option<&'static str> {
        policy
            .check(password, &["ada", "ada.lovelace@example.org"])
            .err()
            .map(|broken| broken.code)
    }

    #[test]
    fn fifteen_characters_by_default_counted_in_code_points() {
        let policy = PasswordPolicy::default();
        assert_eq!(code(policy, "vexing-copper-"), Some("password_too_short"));
        assert_eq!(code(policy, "vexing-copper-7"), None);
        // Fifteen code points, forty-five bytes; and fourteen.
        assert_eq!(
            code(policy, "春眠不覚暁処処聞啼鳥夜来風雨"),
            Some("password_too_short")
        );
        assert_eq!(code(policy, "春眠不覚暁処処聞啼鳥夜来風雨声"), None);
        // Twenty code points that NFKC composes to ten.
        assert_eq!(
            code(policy, &"e\u{301}".repeat(10)),
            Some("password_too_short")
        );
    }

    #[test]
    fn the_least_may_be_set_but_never_below_eight() {
        let policy = PasswordPolicy::default().shortest(1);
        assert_eq!(code(policy, "kzwqpvx"), Some("password_too_short"));
        assert_eq!(code(policy, "kzwqpvxj"), None);
    }

    #[test]
    fn no_composition_rule() {
        assert_eq!(
            code(PasswordPolicy::default(), "correct horse battery staple"),
            None
        );
        assert_eq!(code(PasswordPolicy::default(), "               x"), None);
    }

    #[test]
    fn a_long_one_is_refused_before_it_is_normalised() {
        let policy = PasswordPolicy::default();
        let long: String = (0..200)
            .flat_map(|n: u32| (n * n).to_string().into_bytes())
            .map(char::from)
            .take(256)
            .collect();
        assert_eq!(code(policy, &long), None);
        assert_eq!(code(policy, &format!("{long}z")), Some("password_too_long"));
        // NFKC turns this one character into eighteen.
        assert_eq!(
            code(policy, &"\u{fdfa}".repeat(200)),
            Some("password_too_long")
        );
    }

    #[test]
    fn common_ones_and_own_names_are_refused_in_every_dress() {
        let policy = PasswordPolicy::default().shortest(8);
        for common in [
            "password",
            "PASSWORD1",
            "Password123!",
            "passwordpassword",
            "12345678",
            "123456789012345",
            "qwertyuiopasdfgh",
            "aaaaaaaaaaaaaaaa",
            "iloveyou2024",
            "abcabcabcabcabc",
            "ｐａｓｓｗｏｒｄ",
            "p@ssw0rd",
            "9876543210",
            "letmein!!!!!!!!",
        ] {
            assert_eq!(code(policy, common), Some("password_common"), "{common}");
        }
        for own in [
            "adaadaada",
            "ada12345",
            "Ada.Lovelace@Example.org",
            "ada.lovelace",
            "lovelace.ada1",
        ] {
            let expected = (own != "lovelace.ada1").then_some("password_is_name");
            assert_eq!(code(policy, own), expected, "{own}");
        }
        assert_eq!(code(policy.allow_common(), "password"), None);
    }

    #[test]
    fn the_same_password_of_two_keyboards_is_the_same_bytes() {
        assert_eq!(normalise("caf\u{e9}"), normalise("cafe\u{301}"));
        assert_eq!(normalise("ﬁ").as_deref().map(String::as_str), Some("fi"));
    }
}
