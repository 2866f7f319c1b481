//! How long tokens last and when the idle are signed out: settings under the extension library's names, in seconds.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use examples_common::Settings;

const ACCESS: &str = "JWT_ACCESS_TOKEN_EXPIRES";
const REFRESH: &str = "JWT_REFRESH_TOKEN_EXPIRES";
const INACTIVITY: &str = "JWT_INACTIVITY_LOGOUT";

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;
/// Beyond it a number is a mistake.
const LONGEST: u64 = 3_650 * DAY;

/// How long tokens last.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// An access token.
    pub access: Duration,
    /// A refresh token that is not used.
    pub refresh: Duration,
    /// A session in which nothing was refreshed.
    pub inactivity: Option<Duration>,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            access: Duration::from_secs(15 * MINUTE),
            refresh: Duration::from_secs(30 * DAY),
            inactivity: None,
        }
    }
}

impl Lifetimes {
    /// Reads them. A refresh that could never come in time is refused with the cure.
    pub fn read(settings: &Settings) -> Result<Self> {
        let default = Self::default();
        let lifetimes = Self {
            access: seconds(settings, ACCESS)?.unwrap_or(default.access),
            refresh: seconds(settings, REFRESH)?.unwrap_or(default.refresh),
            inactivity: seconds(settings, INACTIVITY)?,
        };
        lifetimes.outlasts_access(REFRESH, lifetimes.refresh)?;
        if let Some(inactivity) = lifetimes.inactivity {
            lifetimes.outlasts_access(INACTIVITY, inactivity)?;
        }
        Ok(lifetimes)
    }

    fn outlasts_access(&self, name: &str, span: Duration) -> Result<()> {
        let (span, access) = (span.as_secs(), self.access.as_secs());
        ensure!(
            span > access,
            "{name} is {span} s and {ACCESS} {access} s: everybody would be signed out before their token is refreshed. \
             Lower {ACCESS}, to {} say, or raise {name} above {access}",
            (span / 2).max(1)
        );
        Ok(())
    }
}

fn seconds(settings: &Settings, name: &str) -> Result<Option<Duration>> {
    let Some(text) = settings.get(name) else {
        return Ok(None);
    };
    let cure = || format!("{name} is {text:?}: write a number of seconds from 1 to {LONGEST}");
    match text.parse().with_context(cure)? {
        seconds @ 1..=LONGEST => Ok(Some(Duration::from_secs(seconds))),
        _ => bail!(cure()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<const N: usize>(pairs: [(&str, &str); N]) -> Result<Lifetimes> {
        Lifetimes::read(&Settings::from(pairs))
    }

    #[test]
    fn the_text_s_week_and_its_ten_minutes() {
        let default = read([]).unwrap();
        assert_eq!(
            (default.access.as_secs(), default.refresh.as_secs()),
            (900, 2_592_000)
        );
        assert_eq!(default.inactivity, None);
        let week = read([(ACCESS, "604800")]).unwrap();
        assert_eq!(week.access, Duration::from_secs(7 * DAY));
        let ten_minutes = read([(ACCESS, "300"), (INACTIVITY, "600")]).unwrap();
        assert_eq!(
            ten_minutes.inactivity,
            Some(Duration::from_secs(10 * MINUTE))
        );
    }

    #[test]
    fn what_could_never_be_refreshed_in_time_is_refused_with_the_cure() {
        for (name, value) in [(INACTIVITY, "600"), (INACTIVITY, "900"), (REFRESH, "900")] {
            let error = read([(name, value)]).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains(ACCESS), "{error}");
            assert!(
                error.contains(&format!("{value} s")) && error.contains("raise"),
                "{error}"
            );
        }
        assert!(read([(INACTIVITY, "901")]).is_ok());
        assert!(
            read([(ACCESS, "2592000")]).is_err(),
            "as long as the refresh token"
        );
    }

    #[test]
    fn what_is_no_number_of_seconds_is_refused() {
        for value in [
            "0",
            "-1",
            "15m",
            "False",
            "1e3",
            "315360001",
            "99999999999999999999",
        ] {
            for name in [ACCESS, REFRESH, INACTIVITY] {
                let error = read([(name, value)]).unwrap_err().to_string();
                assert!(error.contains(name) && error.contains("seconds"), "{error}");
            }
        }
    }
}
