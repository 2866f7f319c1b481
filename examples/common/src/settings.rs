//! Settings come from the environment and, under it, from `.env`. No secret has a default.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{BufRead as _, ErrorKind, IsTerminal as _, Write as _};
use std::path::Path;

use anyhow::{Context, Result, bail};
use keystile::Random;

/// The shortest secret that HS256 may have, in bytes (RFC 7518, section 3.2).
const SHORTEST: usize = 32;

/// Secrets that the examples' texts print. Everybody knows them.
const PUBLISHED: [&str; 3] = [
    "5325d132e0ddb67229a796ecaeaa5a17e44632304369d00be222170ec9006bcd",
    "26452948404D635166546A576E5A7234753777217A25432A462D4A614E645267",
    "58703273357538782F413F4428472B4B6250655368566D597133743677397924",
];

/// Names and values. It has no `Debug`, as some of the values are secret.
#[expect(missing_debug_implementations)]
pub struct Settings(HashMap<String, String>);

impl Settings {
    /// The settings of this process: its environment and, for names not set there, `.env` in the current directory.
    pub fn read() -> Result<Self> {
        let mut settings = Self::from_file(Path::new(".env"))?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place where an example reads its environment"
        )]
        let environment = std::env::vars_os();
        for (name, value) in environment {
            if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) {
                settings.0.insert(name, value);
            }
        }
        Ok(settings)
    }

    /// The lines of one `.env` file; none, where there is no such file.
    pub fn from_file(path: &Path) -> Result<Self> {
        let lines = match dotenvy::from_path_iter(path) {
            Ok(lines) => lines,
            Err(error) if error.not_found() => return Ok(Self(HashMap::new())),
            Err(_) => bail!("{} cannot be read", path.display()),
        };
        let mut values = HashMap::new();
        for line in lines {
            // The parser's own error would print the line, and with it a secret.
            let (name, value) = line.map_err(|_| {
                anyhow::anyhow!(
                    "{} has a malformed line: write NAME=value, and a value with spaces, `$` or `\"` in single quotes",
                    path.display()
                )
            })?;
            // Which of the two is meant nobody can tell; one would be passed over without a word.
            if values.contains_key(&name) {
                bail!("{} says {name} twice: keep one line", path.display());
            }
            values.insert(name, value);
        }
        Ok(Self(values))
    }

    /// The value of `name`, unless it is absent or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Only these of them.
    pub(crate) fn only(mut self, names: &[&str]) -> Self {
        self.0.retain(|name, _| names.contains(&name.as_str()));
        self
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// A secret, as text: its UTF-8 bytes are the key. One that is missing, short or published is refused.
    pub fn secret(&self, name: &str) -> Result<&str> {
        let cure = "make one with `-- init`, or with `openssl rand -hex 32`";
        match self.get(name) {
            None => bail!("{name} is not set: {cure}"),
            Some(secret) if secret.len() < SHORTEST => {
                bail!(
                    "{name} has {} bytes and needs {SHORTEST}: {cure}",
                    secret.len()
                )
            }
            Some(secret)
                if PUBLISHED
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(secret)) =>
            {
                bail!(
                    "{name} is a secret that a text has published, so everybody can sign with it: {cure}"
                )
            }
            Some(secret) => Ok(secret),
        }
    }

    /// Where to listen: `HOST` (127.0.0.1) and `PORT` (5000; 0 takes a free one).
    pub fn address(&self) -> Result<(String, u16)> {
        let port = self.get("PORT").unwrap_or("5000");
        let port = port
            .parse()
            .with_context(|| format!("PORT is `{port}`, not a number from 0 to 65535"))?;
        Ok((self.get("HOST").unwrap_or("127.0.0.1").to_owned(), port))
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Settings {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(
            pairs
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        )
    }
}

/// 256 random bits as 64 hexadecimal digits, as `openssl rand -hex 32` prints them.
pub fn fresh_secret(random: &Random) -> String {
    random
        .bytes::<32>()
        .iter()
        .fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

/// Writes a `.env` with a fresh secret for each name, readable by its owner only. An existing file is left as it is.
pub fn write_env(path: &Path, names: &[&str], random: &Random) -> Result<()> {
    let mut file = OpenOptions::new();
    file.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    let mut file = match file.open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!(left_as_it_is(path, names)?)
        }
        file => file.with_context(|| format!("{} cannot be written", path.display()))?,
    };
    for name in names {
        writeln!(file, "{name}={}", fresh_secret(random))?;
    }
    println!(
        "Wrote {} with a fresh {}.",
        path.display(),
        names.join(" and ")
    );
    Ok(())
}

/// What to tell whose file is there already. A second line of a name that is there would change the secret.
fn left_as_it_is(path: &Path, names: &[&str]) -> Result<String> {
    let settings = Settings::from_file(path)?;
    let lacking = names.iter().filter(|name| settings.get(name).is_none());
    let lines = lacking.fold(String::new(), |mut lines, name| {
        let path = path.display();
        let _ = write!(
            lines,
            "\n  echo \"{name}=$(openssl rand -hex 32)\" >> {path}"
        );
        lines
    });
    let path = path.display();
    Ok(if lines.is_empty() {
        format!(
            "{path} has {} already, and is left as it is",
            names.join(" and ")
        )
    } else {
        format!("{path} exists and is left as it is. To add to it what it lacks:{lines}")
    })
}

/// A password from the terminal, without showing it, or the first line of a piped standard input.
pub fn read_password() -> Result<String> {
    let input = std::io::stdin();
    if input.is_terminal() {
        return rpassword::prompt_password("Password: ").context("no password could be read");
    }
    let mut line = String::new();
    input
        .lock()
        .read_line(&mut line)
        .context("no password could be read")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "TOKEN_SECRET";

    #[test]
    fn weak_secrets_are_refused_with_the_cure_and_unnamed() {
        for secret in [
            "",
            "thisisthesecretkey",
            "my_secert_token",
            &"x".repeat(31),
            PUBLISHED[0],
            &PUBLISHED[1].to_lowercase(),
        ] {
            let settings = Settings::from([(NAME, secret)]);
            let error = settings.secret(NAME).unwrap_err().to_string();
            assert!(
                error.contains(NAME) && error.contains("openssl rand -hex 32"),
                "{error}"
            );
            assert!(secret.is_empty() || !error.contains(secret), "{error}");
        }
        // The bytes count, not the characters: sixteen of two bytes each.
        let settings = Settings::from([(NAME, "éééééééééééééééé")]);
        assert_eq!(settings.secret(NAME).unwrap(), "éééééééééééééééé");
    }

    #[test]
    fn a_written_file_reads_back_and_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        assert!(
            Settings::from_file(&path).unwrap().get(NAME).is_none(),
            "no file, no settings"
        );
        write_env(&path, &[NAME, "ENCRYPTION_KEY"], &Random::seeded(1)).unwrap();
        let settings = Settings::from_file(&path).unwrap();
        let (one, other) = (
            settings.secret(NAME).unwrap(),
            settings.secret("ENCRYPTION_KEY").unwrap(),
        );
        assert!(
            one != other && one.len() == 64 && one.bytes().all(|digit| digit.is_ascii_hexdigit())
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(
                std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
        let before = std::fs::read(&path).unwrap();
        let again = |names| {
            write_env(&path, names, &Random::seeded(2))
                .unwrap_err()
                .to_string()
        };
        let whole = again(&[NAME]);
        assert!(
            whole.contains("already") && !whole.contains("echo"),
            "{whole}"
        );
        let lacking = again(&[NAME, "ANOTHER"]);
        assert!(lacking.contains("echo \"ANOTHER="), "{lacking}");
        assert!(
            !lacking.contains("echo \"TOKEN_SECRET="),
            "it is there: {lacking}"
        );
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_malformed_line_is_told_without_its_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        std::fs::write(&path, "TOKEN_SECRET='hush-hush\n").unwrap();
        let Err(error) = Settings::from_file(&path) else {
            panic!("it was read")
        };
        assert!(!format!("{error:?}").contains("hush"), "{error:?}");
    }

    #[test]
    fn a_name_that_a_file_says_twice_is_told_without_its_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        std::fs::write(&path, "TOKEN_SECRET=hush-hush\nA=b\nTOKEN_SECRET=hush\n").unwrap();
        let Err(error) = Settings::from_file(&path) else {
            panic!("it was read")
        };
        let error = format!("{error:?}");
        assert!(
            error.contains("TOKEN_SECRET twice") && !error.contains("hush"),
            "{error}"
        );
    }

    #[test]
    fn host_and_port_have_defaults_and_are_checked() {
        assert_eq!(
            Settings::from([]).address().unwrap(),
            ("127.0.0.1".to_owned(), 5000)
        );
        let settings = Settings::from([("HOST", "::1"), ("PORT", "8080")]);
        assert_eq!(settings.address().unwrap(), ("::1".to_owned(), 8080));
        assert!(Settings::from([("PORT", "65536")]).address().is_err());
    }
}
