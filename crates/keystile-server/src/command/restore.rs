//! `keystile restore`: a backup in the place of the database.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use keystile_accounts::{Accounts, Restore as How, Restored, Trusted, Undone};
use keystile_server::config::Config;

use super::confirm::confirmed;
use super::place::Place;
use super::{long, output};

/// Put a backup in the place of the database; the server must be stopped.
///
/// The former database is kept beside it. Everybody is signed out, and the signing keys are withdrawn: what was signed out,
/// stolen or withdrawn after the backup is not known any more. Passwords, roles and who is disabled or deleted are as they
/// were when the backup was made.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  keystile restore keystile-2026-11-22.db
  keystile restore copy.db --data /var/lib/keystile --keep-sessions    a move: nothing happened after the backup
  keystile restore --in-place --yes          after pg_restore, a base backup, or a failover that lost writes

Run it as the server's user. PostgreSQL is restored by its own means; what must follow is --in-place.")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(crate) struct Restore {
    /// The backup
    #[arg(required_unless_present = "in_place", conflicts_with = "in_place")]
    file: Option<PathBuf>,
    /// Take the database as it is: it was put back by other means, such as `pg_restore`, a base backup or a snapshot of the disk
    #[arg(long)]
    in_place: bool,
    /// With --in-place, do not ask
    #[arg(long, requires = "in_place")]
    yes: bool,
    #[command(flatten)]
    place: Place,
    /// Sign nobody out and keep the keys: right only where nothing happened after the backup. Who was signed out since is
    /// in again, a refresh token stolen and spent since is good again
    #[arg(long)]
    keep_sessions: bool,
    /// Keep the signing keys, for verifiers that have them pinned: access tokens from before stay good until they expire
    #[arg(long, conflicts_with = "keep_sessions")]
    keep_keys: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Restore {
    pub(crate) fn run(self) -> Result<()> {
        match self.file.clone() {
            Some(file) => self.run_from(&file),
            None => self.run_in_place(),
        }
    }

    fn run_from(self, file: &Path) -> Result<()> {
        let config = self.place.load()?;
        let trusted = self.trusted();
        let how = How::default()
            .trusted(trusted)
            .token_lifetime(config.tokens.access_lifetime);
        let (url, from) = (config.database.expose().to_owned(), file.to_owned());
        let restored =
            long::watched(move |stop, told| Accounts::restore(&url, &from, &how, stop, told))?;
        if self.json {
            return output::json(&json(&config, Some(file), trusted, &restored));
        }
        output::line(&told(&config, file, trusted, &restored))
    }

    /// The database was put back by other means: what is left to do is to distrust what it brought back.
    fn run_in_place(self) -> Result<()> {
        let config = self.place.load()?;
        let trusted = self.trusted();
        if !self.yes && !confirm(&config, trusted)? {
            bail!("nothing was changed");
        }
        let restored = self
            .place
            .with_present_accounts(|all| async move { Ok(all.begin_anew(trusted).await?) })?;
        if self.json {
            return output::json(&json(&config, None, trusted, &restored));
        }
        let taken = format!(
            "{} is taken as it is; accounts: {}.",
            config.database, restored.accounts
        );
        let next = "A new one signs.";
        let ended = ended(trusted, &restored, next);
        output::line(&format!("{taken}\n{ended}{}", undone(None)))
    }

    fn trusted(&self) -> Trusted {
        match (self.keep_sessions, self.keep_keys) {
            (true, _) => Trusted::Everything,
            (_, true) => Trusted::Keys,
            _ => Trusted::Nothing,
        }
    }
}

/// Whether the operator, asked on the terminal, says yes.
fn confirm(config: &Config, trusted: Trusted) -> Result<bool> {
    let touched = match trusted {
        Trusted::Everything => {
            "nobody is signed out, and what was ended since the backup goes on again"
        }
        Trusted::Keys => "everybody is signed out",
        Trusted::Nothing => "everybody is signed out, and every signing key is withdrawn",
    };
    confirmed(
        &format!("Begin anew on {}? By it {touched}.", config.database),
        &format!("{touched}. There is no terminal to ask on; say --yes to do it unasked"),
    )
}

fn told(config: &Config, file: &Path, trusted: Trusted, restored: &Restored) -> String {
    let taken = match restored.taken_at {
        Some(at) => format!("taken at {}", keystile_server::rfc3339(at)),
        None => "which does not say when it was taken".to_owned(),
    };
    let mut text = format!(
        "Restored {} from {}, {taken}; accounts: {}.",
        config.database,
        file.display(),
        restored.accounts
    );
    if let Some(kept) = &restored.replaced {
        let kept = kept.display();
        let _ = write!(
            text,
            "\nThe former database is {kept}; it holds secrets, so delete it when nobody needs it any more."
        );
    }
    let next = "`keystile serve` makes a new one; `keystile key import` takes one of yours.";
    let _ = write!(text, "\n{}", ended(trusted, restored, next));
    text + &undone(restored.undone.as_ref())
}

/// What of the past is over; `next` is what signs from now on.
fn ended(trusted: Trusted, restored: &Restored, next: &str) -> String {
    let sessions = restored.sessions;
    match trusted {
        Trusted::Everything => format!(
            "Nobody is signed out (sessions: {sessions}). If anything happened after the backup, restore again without --keep-sessions."
        ),
        Trusted::Keys => format!(
            "Everybody is signed out (sessions: {sessions}). The signing keys are kept: an access token from before is good until it expires, so start the server only when the longest tokens.access_lifetime has passed since the former one ended."
        ),
        Trusted::Nothing => format!(
            "Everybody is signed out (sessions: {sessions}), and no access token from before is good: signing keys withdrawn: {}. {next}",
            restored.keys_withdrawn
        ),
    }
}

/// What the operator may want to do again.
fn undone(undone: Option<&Undone>) -> String {
    let again = "Passwords, roles and who is disabled or deleted are as they were in the backup";
    let Some(undone) = undone else {
        return format!(
            "\n{again}; what was changed since is not known. Do it again where you know of it."
        );
    };
    let mut text = format!("\n{again}.");
    if undone.created > 0 {
        let _ = write!(text, "\nMade since, and gone: {} accounts", undone.created);
    }
    for (ids, what) in [
        (
            &undone.disabled,
            "Disabled since, enabled again; `keystile account disable` each",
        ),
        (
            &undone.deleted,
            "Deleted since, there again; `keystile account delete` each",
        ),
        (
            &undone.passwords,
            "Password changed since, the former one good again; `keystile account set-password` where it was stolen",
        ),
        (
            &undone.roles,
            "Roles changed since, the former ones again; `keystile account set-roles` each",
        ),
    ] {
        if !ids.is_empty() {
            let _ = write!(text, "\n{what}: {}", output::plain(&ids.join(" ")));
        }
    }
    text
}

fn json(
    config: &Config,
    file: Option<&Path>,
    trusted: Trusted,
    restored: &Restored,
) -> serde_json::Value {
    let undone = restored.undone.as_ref().map(|undone| {
        serde_json::json!({
            "created": undone.created,
            "disabled": undone.disabled,
            "deleted": undone.deleted,
            "passwords": undone.passwords,
            "roles": undone.roles,
        })
    });
    let ended = trusted != Trusted::Everything;
    serde_json::json!({
        "database": config.database.to_string(),
        "file": file,
        "taken_at": restored.taken_at.map(keystile_server::rfc3339),
        "replaced": restored.replaced,
        "accounts": restored.accounts,
        "sessions_ended": if ended { restored.sessions } else { 0 },
        "keys_withdrawn": restored.keys_withdrawn,
        "undone": undone,
    })
}
