//! Passwords of a few users that a program keeps itself, in its configuration say, without a store.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use keystile::Random;
use thiserror::Error;

use super::hash::StoredHash;
use super::policy::PasswordPolicy;
use super::pool::{Pool, PoolError};
use super::settings::Hashing;
use crate::dummy::Dummies;

/// Names and password hashes, with the threads that check them. For a program without [`Accounts`](crate::Accounts).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use keystile::Random;
/// use keystile_accounts::{Hashing, PasswordPolicy, Passwords};
///
/// let mut passwords = Passwords::start(Hashing::default(), Random::system())?;
/// let hash = passwords.hash("correct horse battery staple", PasswordPolicy::default()).await?;
/// passwords.insert("ada", &hash)?;
/// assert!(passwords.verify("ada", "correct horse battery staple").await?);
/// assert!(!passwords.verify("bob", "correct horse battery staple").await?);
/// # Ok(()) }
/// ```
pub struct Passwords {
    pool: Pool,
    stored: BTreeMap<String, StoredHash>,
    dummies: Dummies,
}

/// Why a password was not hashed or checked, or a hash not taken. Holds neither.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// The password breaks a rule of the policy.
    #[error("{message}")]
    Invalid {
        /// Which rule, as a stable code.
        code: &'static str,
        /// The rule, in words.
        message: String,
    },
    /// The hash cannot be used.
    #[error("{0}")]
    Hash(String),
    /// More passwords wait than can be served soon.
    #[error("too many passwords wait to be checked; try again in {} s", retry_after.as_secs().max(1))]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The hashing threads could not be started, or failed.
    #[error("the hashing threads failed; check the machine's memory and thread limits")]
    Failed,
}

impl Passwords {
    /// Starts the hashing threads, with nobody in the table.
    pub fn start(hashing: Hashing, random: Random) -> Result<Self, PasswordError> {
        let seed = random.bytes();
        let pool = Pool::start(hashing, random).map_err(|_| PasswordError::Failed)?;
        let dummies = Dummies::new(pool.cost(), &seed);
        Ok(Self {
            pool,
            stored: BTreeMap::new(),
            dummies,
        })
    }

    /// Takes a user in: Argon2 in PHC form, or bcrypt. An earlier hash of the same name is replaced.
    pub fn insert(&mut self, name: impl Into<String>, hash: &str) -> Result<(), PasswordError> {
        let hash =
            StoredHash::parse(hash).map_err(|error| PasswordError::Hash(error.to_string()))?;
        self.stored.insert(name.into(), hash);
        let costs = self
            .stored
            .values()
            .map(|hash| (hash.cost().to_string(), 1));
        self.dummies.learn(&costs.collect::<Vec<_>>());
        Ok(())
    }

    /// Whether this is the user's password. An unknown user costs the same work as a known one: that of one of the
    /// stored hashes, always the same for one name.
    pub async fn verify(&self, name: &str, password: &str) -> Result<bool, PasswordError> {
        let stored = self.stored.get(name);
        let hash = stored
            .cloned()
            .unwrap_or_else(|| self.dummies.for_identifier(name));
        let verdict = self.pool.verify(password, hash).await?;
        Ok(verdict.matches && stored.is_some())
    }

    /// Argon2id of a new password, in PHC form.
    pub async fn hash(
        &self,
        password: &str,
        policy: PasswordPolicy,
    ) -> Result<String, PasswordError> {
        let invalid = |broken: super::policy::Broken| PasswordError::Invalid {
            code: broken.code,
            message: broken.message,
        };
        let password = policy.check(password, &[]).map_err(invalid)?;
        Ok(self.pool.hash(password).await?)
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords")
            .field("users", &self.stored.len())
            .finish_non_exhaustive()
    }
}

impl From<PoolError> for PasswordError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Busy { retry_after } => Self::Busy { retry_after },
            PoolError::Closed | PoolError::Failed => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passwords() -> Passwords {
        Passwords::start(
            Hashing::default().cost(8, 1, 1).threads(1),
            Random::seeded(1),
        )
        .unwrap()
    }

    #[tokio::test]
    async fn knows_its_users_and_nobody_else() {
        let mut passwords = passwords();
        let policy = PasswordPolicy::default().shortest(8).allow_common();
        let hash = passwords.hash("password123", policy).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
        assert!(
            !passwords.verify("ada", "password123").await.unwrap(),
            "nobody is in the table yet"
        );
        passwords.insert("ada", &hash).unwrap();
        // bcrypt of "a", from the jBCrypt test program.
        passwords
            .insert(
                "bob",
                "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe",
            )
            .unwrap();
        for (name, password, expected) in [
            ("ada", "password123", true),
            ("ada", "password124", false),
            ("ada", "", false),
            ("bob", "a", true),
            ("bob", "password123", false),
            ("eve", "password123", false),
            ("", "", false),
        ] {
            assert_eq!(
                passwords.verify(name, password).await.unwrap(),
                expected,
                "{name}"
            );
        }
        assert!(!format!("{passwords:?}").contains('$'));
    }

    #[tokio::test]
    async fn unknown_names_stand_for_every_format_and_each_for_one() {
        let mut passwords = passwords();
        let hash = passwords
            .hash(
                "password123",
                PasswordPolicy::default().shortest(8).allow_common(),
            )
            .await
            .unwrap();
        passwords.insert("ada", &hash).unwrap();
        passwords
            .insert(
                "bob",
                "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe",
            )
            .unwrap();
        let cost = |name: &str| passwords.dummies.for_identifier(name).cost();
        let costs: std::collections::HashSet<_> = (0..64)
            .map(|number| cost(&format!("name{number}")))
            .collect();
        assert_eq!(costs.len(), 2);
        assert_eq!(cost("eve"), cost("eve"));
    }

    #[tokio::test]
    async fn refuses_what_is_no_hash_and_what_breaks_the_policy() {
        let mut passwords = passwords();
        for bad in [
            "",
            "password",
            "=19=19456,t=2,p=1",
            "$2b$31$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe",
        ] {
            assert!(
                matches!(passwords.insert("ada", bad), Err(PasswordError::Hash(_))),
                "{bad}"
            );
        }
        let refused = passwords.hash("short", PasswordPolicy::default()).await;
        assert!(matches!(
            refused,
            Err(PasswordError::Invalid {
                code: "password_too_short",
                ..
            })
        ));
    }
}
