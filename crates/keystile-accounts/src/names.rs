//! Usernames and e-mail addresses: normalise, then validate, then the unique index decides.

/// What a username may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UsernameRule {
    /// ASCII letters, digits, `.`, `_` and `-`: no lookalikes.
    #[default]
    Ascii,
    /// Letters and digits of any script after NFKC, and `.`, `_`, `-`: lookalikes are possible.
    Unicode,
}
