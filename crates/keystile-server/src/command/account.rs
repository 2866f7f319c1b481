//! `keystile account …`: accounts, before the first start or beside a running server.

use anyhow::{Result, anyhow, bail};
use clap::{ArgGroup, Args, Subcommand};
use keystile_accounts::{Account as Found, AccountFilter, Accounts, NewAccount};
use keystile_server::AccountBody;

use super::confirm::confirmed;
use super::output;
use super::password::NewPassword;
use super::place::Place;

/// Make, show and change accounts; a running server feels it within a second.
#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    /// Make an account; this is how the first administrator is made.
    #[command(after_help = "Examples:
  keystile account create --username ada --role admin
  printf '%s\\n' \"$PASSWORD\" | keystile account create --username ada --password-stdin")]
    Create(Create),
    /// List accounts.
    List(List),
    /// Show an account.
    Show(One),
    /// Disable an account: nobody signs in to it, and its sessions end.
    Disable(One),
    /// Enable an account again.
    Enable(One),
    /// Set an account's password; its sessions end.
    SetPassword(SetPassword),
    /// Replace an account's roles; none given takes them all away.
    #[command(after_help = "Example:
  keystile account set-roles ada admin auditor")]
    SetRoles(SetRoles),
    /// Delete an account, its sessions and its credentials. It cannot be undone.
    Delete(Delete),
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("name").args(["username", "email"]).required(true).multiple(true))]
pub(crate) struct Create {
    /// The username; no @ in it
    #[arg(long)]
    username: Option<String>,
    /// The e-mail address
    #[arg(long)]
    email: Option<String>,
    /// A role; give it again for each further one, or put commas between them
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',')]
    roles: Vec<String>,
    #[command(flatten)]
    password: NewPassword,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only accounts whose username or e-mail address starts so
    #[arg(long, value_name = "TEXT")]
    starts_with: Option<String>,
    /// Only accounts with this role
    #[arg(long)]
    role: Option<String>,
    /// Only disabled accounts
    #[arg(long)]
    disabled: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct One {
    /// Username, e-mail address or id
    account: String,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct SetPassword {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    password: NewPassword,
}

#[derive(Debug, Args)]
pub(crate) struct SetRoles {
    #[command(flatten)]
    one: One,
    /// The roles, apart by spaces or commas
    #[arg(value_delimiter = ',')]
    roles: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    #[command(flatten)]
    one: One,
    /// Do not ask whether it is meant
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Account {
    pub(crate) fn run(self) -> Result<()> {
        match self {
            Self::Create(create) => create.run(),
            Self::List(list) => list.run(),
            Self::Show(one) => one.act(|_, account| async move { Ok(account) }),
            Self::Disable(one) => {
                one.act(|all, account| async move { Ok(all.disable(None, &account.id).await?) })
            }
            Self::Enable(one) => {
                one.act(|all, account| async move { Ok(all.enable(None, &account.id).await?) })
            }
            Self::SetPassword(set) => {
                let password = set.password.read()?;
                set.one.act(|all, account| async move {
                    all.set_password(None, &account.id, &password).await?;
                    Ok(account)
                })
            }
            Self::SetRoles(set) => {
                let roles = set.roles;
                set.one.act(|all, account| async move {
                    Ok(all.set_roles(None, &account.id, &roles).await?)
                })
            }
            Self::Delete(delete) => delete.run(),
        }
    }
}

impl Create {
    fn run(self) -> Result<()> {
        // Before the password is asked for: a fault that is known already should not cost its typing.
        self.common.place.load()?;
        let request = match (self.username, self.email) {
            (Some(username), Some(email)) => NewAccount::username(username).email(email),
            (Some(username), None) => NewAccount::username(username),
            (None, Some(email)) => NewAccount::with_email(email),
            (None, None) => bail!("give --username or --email"),
        };
        let request = request.password(self.password.read()?).roles(self.roles);
        let account = self.common.place.with_accounts(|accounts| async move {
            Ok(accounts.create_account(None, request).await?)
        })?;
        self.common.show(account)
    }
}

impl List {
    fn run(self) -> Result<()> {
        let filter = AccountFilter {
            starts_with: self.starts_with,
            role: self.role,
            disabled: self.disabled.then_some(true),
        };
        let found = self
            .common
            .place
            .with_present_accounts(|accounts| async move {
                let mut all = Vec::new();
                let mut after = None;
                loop {
                    let page = accounts.accounts_page(after, 200, &filter).await?;
                    all.extend(page.accounts);
                    after = page.next;
                    if after.is_none() {
                        return Ok(all);
                    }
                }
            })?;
        if self.common.json {
            let bodies: Vec<AccountBody> = found.into_iter().map(AccountBody::from).collect();
            return output::json(&bodies);
        }
        print(found)
    }
}

impl One {
    /// Finds the account, does something with it, shows what came of it.
    fn act<F: Future<Output = Result<Found>>>(
        self,
        act: impl FnOnce(Accounts, Found) -> F,
    ) -> Result<()> {
        let (common, account) = self.done(act)?;
        common.show(account)
    }

    /// Finds the account and does something with it.
    fn done<F: Future<Output = Result<Found>>>(
        self,
        act: impl FnOnce(Accounts, Found) -> F,
    ) -> Result<(Common, Found)> {
        let name = self.account;
        let account = self
            .common
            .place
            .with_present_accounts(|accounts| async move {
                let account = find(&accounts, &name).await?;
                act(accounts, account).await
            })?;
        Ok((self.common, account))
    }
}

impl Delete {
    fn run(self) -> Result<()> {
        if !self.yes && !confirm(&self.one.account)? {
            bail!("nothing was deleted");
        }
        let (common, gone) = self.one.done(|all, account| async move {
            all.delete(None, &account.id).await?;
            Ok(account)
        })?;
        if common.json {
            return output::json(&serde_json::json!({ "deleted": gone.id.as_str() }));
        }
        output::line(&format!("deleted account {}", gone.id))
    }
}

impl Common {
    fn show(&self, account: Found) -> Result<()> {
        if self.json {
            return output::json(&AccountBody::from(account));
        }
        print(vec![account])
    }
}

/// By username or e-mail address, else by id.
async fn find(accounts: &Accounts, name: &str) -> Result<Found> {
    if let Some(account) = accounts.find_account(name).await? {
        return Ok(account);
    }
    let by_id = accounts.account(&name.into()).await?;
    by_id.ok_or_else(|| anyhow!("there is no account {name:?}; see `keystile account list`"))
}

fn confirm(name: &str) -> Result<bool> {
    confirmed(
        &format!("Delete {name:?} and all its sessions?"),
        &format!("there is no terminal to ask on; say --yes to delete {name:?} unasked"),
    )
}

fn print(accounts: Vec<Found>) -> Result<()> {
    let rows: Vec<Vec<String>> = accounts
        .into_iter()
        .map(AccountBody::from)
        .map(|account| {
            let dash = || "-".to_owned();
            let roles = if account.roles.is_empty() {
                dash()
            } else {
                account.roles.join(" ")
            };
            let state = account
                .disabled_at
                .map_or("enabled".to_owned(), |at| format!("disabled since {at}"));
            vec![
                account.id,
                account.username.unwrap_or_else(dash),
                account.email.unwrap_or_else(dash),
                roles,
                state,
            ]
        })
        .collect();
    output::table(&["id", "username", "email", "roles", "state"], &rows)
}
