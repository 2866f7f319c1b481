//! What an application asks besides of a token that holds: a list of its own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::guard::Verdict;
use crate::{Reason, Refusal, Verified};

/// What an application knows of tokens, asked of every one that holds otherwise: a list in memory, a table of its database,
/// Redis. Given to [`Guard::also_check`](crate::Guard::also_check).
///
/// It is asked last, of each request, also where the token itself is remembered. What is known at once is best answered at
/// once; a look-up elsewhere is answered [later](Checked::later), and should bound its own time.
///
/// A list of tokens that count no more answers [`Reason::TokenRevoked`], and where it cannot tell
/// [`Reason::RevocationUnknown`]: 503, and the caller keeps the token. What it says of accounts is
/// [`Reason::AccountUnknown`], [`Reason::AccessDenied`] or [`Reason::AccessUnknown`].
///
/// A function is one already:
///
/// ```
/// use std::collections::HashSet;
/// use std::sync::{Arc, RwLock};
///
/// use keystile::{Claims, Guard, Reason, SigningKey, Verified};
///
/// let barred = Arc::new(RwLock::new(HashSet::<String>::new()));
/// let list = Arc::clone(&barred);
/// let guard = Guard::hs256([7; 32])?.also_check(move |token: &Arc<Verified>| {
///     let barred = list.read().map_err(|_| Reason::AccessUnknown)?;
///     if barred.contains(&token.claims().sub) { Err(Reason::AccessDenied) } else { Ok(()) }
/// });
///
/// let token = SigningKey::hs256([7; 32])?.issue(&Claims::new("ada", 4_000_000_000))?;
/// assert!(guard.verify(&token).is_ok());
/// barred.write().unwrap().insert("ada".into());
/// assert_eq!(guard.verify(&token).unwrap_err().reason(), Reason::AccessDenied);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// One that asks elsewhere:
///
/// ```
/// use std::sync::Arc;
///
/// use keystile::{Checked, Reason, TokenCheck, Verified};
/// # #[derive(Clone)] struct Redis;
/// # impl Redis { async fn exists(&self, _: &str) -> Result<bool, std::io::Error> { Ok(false) } }
///
/// struct InRedis(Redis);
///
/// impl TokenCheck for InRedis {
///     fn check(&self, token: &Arc<Verified>) -> Checked {
///         let (redis, token) = (self.0.clone(), Arc::clone(token));
///         Checked::later(async move {
///             let Some(jti) = &token.claims().jti else {
///                 return Ok(());
///             };
///             match redis.exists(&format!("revoked:{jti}")).await {
///                 Ok(false) => Ok(()),
///                 Ok(true) => Err(Reason::TokenRevoked),
///                 Err(_) => Err(Reason::RevocationUnknown),
///             }
///         })
///     }
/// }
/// ```
pub trait TokenCheck: Send + Sync + 'static {
    /// Whether the token may pass: `Err` with the reason if not.
    fn check(&self, token: &Arc<Verified>) -> Checked;
}

impl<F, C> TokenCheck for F
where
    F: Fn(&Arc<Verified>) -> C + Send + Sync + 'static,
    C: Into<Checked>,
{
    fn check(&self, token: &Arc<Verified>) -> Checked {
        self(token).into()
    }
}

/// What a [`TokenCheck`] answers.
#[must_use]
pub struct Checked(State);

enum State {
    Now(Result<(), Reason>),
    Later(Pin<Box<dyn Future<Output = Result<(), Reason>> + Send>>),
}

impl Checked {
    /// The answer comes when this has run. It is dropped where the request is given up.
    pub fn later(answer: impl Future<Output = Result<(), Reason>> + Send + 'static) -> Self {
        Self(State::Later(Box::pin(answer)))
    }
}

impl From<Result<(), Reason>> for Checked {
    fn from(answer: Result<(), Reason>) -> Self {
        Self(State::Now(answer))
    }
}

impl std::fmt::Debug for Checked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            State::Now(answer) => f.debug_tuple("Now").field(answer).finish(),
            State::Later(_) => f.write_str("Later"),
        }
    }
}

/// What the checks say at once. One that would answer later cannot be asked.
pub(crate) fn now(checks: &[Arc<dyn TokenCheck>], token: &Arc<Verified>) -> Result<(), Refusal> {
    for check in checks {
        match check.check(token).0 {
            State::Now(answer) => answer?,
            State::Later(_) => return Err(Reason::RevocationUnknown.into()),
        }
    }
    Ok(())
}

/// What the checks say, one after the other.
pub(crate) fn verdict(checks: &[Arc<dyn TokenCheck>], token: Arc<Verified>) -> Verdict {
    for (at, check) in checks.iter().enumerate() {
        match check.check(&token).0 {
            State::Now(Ok(())) => {}
            State::Now(Err(reason)) => return Verdict::Now(Err(reason.into())),
            State::Later(later) => {
                let rest = checks[at + 1..].to_vec();
                return Verdict::Later(Box::pin(async move {
                    later.await?;
                    for check in rest {
                        match check.check(&token).0 {
                            State::Now(answer) => answer?,
                            State::Later(later) => later.await?,
                        }
                    }
                    Ok(token)
                }));
            }
        }
    }
    Verdict::Now(Ok(token))
}
