//! The query's parameter that carries a token.

use std::borrow::Cow;

use http::{Method, Uri};

use super::header::Seen;
use super::pairs;
use crate::{Reason, Refusal};

/// The query's parameter that carries a token, given to [`Guard::token_from_query`](crate::Guard::token_from_query). A
/// string is one, without a prefix.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use keystile::{Guard, TokenQuery};
///
/// // ?jwt=Bearer%20<token>
/// let query = TokenQuery::named("jwt").prefix("Bearer ");
/// let guard = Guard::hs256([7; 32])?.token_from_query(query);
/// # }
/// # Ok::<(), keystile::KeyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenQuery {
    pub(super) name: Box<str>,
    prefix: Box<str>,
}

impl TokenQuery {
    /// The parameter of this name, as it reads once it is decoded.
    pub fn named(name: impl Into<Box<str>>) -> Self {
        Self {
            name: name.into(),
            prefix: "".into(),
        }
    }

    /// What stands before the token in the value, byte for byte once it is decoded. A value without it is refused.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<Box<str>>) -> Self {
        self.prefix = prefix.into();
        self
    }

    #[cfg(feature = "utoipa")]
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The prefix.
    #[cfg(feature = "utoipa")]
    pub(super) fn before(&self) -> &str {
        &self.prefix
    }

    /// Only on GET and HEAD: what else has a query of this name means something else by it.
    pub(super) fn find<'r>(&self, method: &Method, uri: &'r Uri) -> Result<Seen<'r>, Refusal> {
        if method != Method::GET && method != Method::HEAD {
            return Ok(Seen::Nothing);
        }
        let query = uri.query().unwrap_or_default().as_bytes();
        let Some(value) = pairs::only_value(query, &self.name)? else {
            return Ok(Seen::Nothing);
        };
        let token = match value {
            Cow::Borrowed(value) => value.strip_prefix(&*self.prefix).map(Cow::Borrowed),
            Cow::Owned(value) => value
                .strip_prefix(&*self.prefix)
                .map(|token| Cow::Owned(token.to_owned())),
        };
        token
            .map(|token| Seen::Token(token.into()))
            .ok_or_else(|| Reason::TokenMalformed.into())
    }
}

impl From<&str> for TokenQuery {
    fn from(name: &str) -> Self {
        Self::named(name)
    }
}

impl From<String> for TokenQuery {
    fn from(name: String) -> Self {
        Self::named(name)
    }
}
