//! `keystile client …`: programs with credentials of their own, also beside a running server.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use keystile_accounts::{Client as Found, NewClient};
use keystile_server::{ClientBody, NewClientBody};

use super::confirm::confirmed;
use super::output;
use super::place::Place;

/// Make, list and delete clients: programs with credentials of their own.
#[derive(Debug, Subcommand)]
pub(crate) enum Client {
    /// Make a client, and print its secret: this once, as only a hash of it is kept.
    #[command(
        after_help = "Its tokens are for this server's issuer, unless --audience says which APIs they are for.

Examples:
  keystile client create microblog --scope revocations:read
  keystile client create orders --scope stock:read --audience https://stock.example.com"
    )]
    Create(Create),
    /// List clients.
    #[command(after_help = "Examples:
  keystile client list
  keystile client list --json")]
    List(List),
    /// Delete a client: its tokens are refused at once, and the sessions that were opened for it end.
    #[command(
        after_help = "Another client of the same name gets another id and another secret.

Examples:
  keystile client delete microblog
  keystile client delete 0190b6f2-8c1e-7d34-a8f5-3b1f0f3f6a51 --yes"
    )]
    Delete(Delete),
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// What people call it; no other client's name
    name: String,
    /// A scope that its tokens may have; give it again for each further one, or put commas between them
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',')]
    scopes: Vec<String>,
    /// An API that its tokens may be for, by its URL; give it again for each further one [default: this server]
    #[arg(long = "audience", value_name = "URL")]
    audiences: Vec<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Its id or its name
    client: String,
    /// Do not ask whether it is meant
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Client {
    pub(crate) fn run(self) -> Result<()> {
        match self {
            Self::Create(create) => create.run(),
            Self::List(list) => list.run(),
            Self::Delete(delete) => delete.run(),
        }
    }
}

impl Create {
    fn run(self) -> Result<()> {
        let config = self.common.place.load()?;
        let issuer = config.issuer_at(config.listen).ok();
        let note = beside_the_feed(&self.scopes, &self.audiences, issuer.as_deref());
        let new = NewClient::named(self.name)
            .scopes(self.scopes)
            .audiences(self.audiences);
        // Where there is no database there is no server that would know the client.
        let created = self
            .common
            .place
            .with_present_accounts(|accounts| async move {
                Ok(accounts.create_client(None, new).await?)
            })?;
        if let Some(note) = note {
            eprintln!("Note: {note}");
        }
        let body = NewClientBody::from(created);
        if self.common.json {
            return output::json(&body);
        }
        output::line(&format!(
            "client_id      {}\nclient_secret  {}",
            body.client.client_id, body.client_secret
        ))?;
        eprintln!("Keep the secret where the program finds it: it is not shown again.");
        Ok(())
    }
}

impl List {
    fn run(self) -> Result<()> {
        let found = self
            .common
            .place
            .with_present_accounts(|accounts| async move {
                let mut all = Vec::new();
                let mut after = None;
                loop {
                    let page = accounts.clients_page(after, 200).await?;
                    all.extend(page.clients);
                    after = page.next;
                    if after.is_none() {
                        return Ok(all);
                    }
                }
            })?;
        if self.common.json {
            let bodies: Vec<ClientBody> = found.into_iter().map(ClientBody::from).collect();
            return output::json(&bodies);
        }
        print(found)
    }
}

impl Delete {
    fn run(self) -> Result<()> {
        if !self.yes && !confirm(&self.client)? {
            bail!("nothing was deleted");
        }
        let name = self.client;
        let (client, sessions) =
            self.common
                .place
                .with_present_accounts(|accounts| async move {
                    let Some(client) = accounts.find_client(&name).await? else {
                        bail!("there is no client {name:?}; see `keystile client list`");
                    };
                    let sessions = accounts.delete_client(None, &client.id).await?;
                    Ok((client, sessions))
                })?;
        if self.common.json {
            let body = serde_json::json!({ "deleted": client.id, "sessions": sessions });
            return output::json(&body);
        }
        output::line(&format!(
            "deleted client {} ({}); {sessions} sessions ended with it",
            client.id,
            output::plain(&client.name)
        ))
    }
}

/// The feed is this server's, whatever else a client's tokens are for.
fn beside_the_feed(
    scopes: &[String],
    audiences: &[String],
    issuer: Option<&str>,
) -> Option<String> {
    let issuer = issuer.unwrap_or("the server's issuer");
    misses_the_feed(scopes, audiences, issuer).then(|| {
        format!(
            "its tokens are not for this server, so they do not open the feed of revocations; for that, make it with --audience {issuer} too"
        )
    })
}

/// Whether a client may read the feed of revocations, and has no audience by which it is let in there.
pub(super) fn misses_the_feed(scopes: &[String], audiences: &[String], issuer: &str) -> bool {
    let reads = scopes.iter().any(|scope| scope == "revocations:read");
    let reaches = audiences.is_empty() || audiences.iter().any(|audience| audience == issuer);
    reads && !reaches
}

fn confirm(name: &str) -> Result<bool> {
    confirmed(
        &format!("Delete {name:?}, its tokens and the sessions that were opened for it?"),
        &format!("there is no terminal to ask on; say --yes to delete {name:?} unasked"),
    )
}

fn print(clients: Vec<Found>) -> Result<()> {
    let rows: Vec<Vec<String>> = clients
        .into_iter()
        .map(ClientBody::from)
        .map(|client| {
            let shown = |list: Vec<String>| match list.len() {
                0 => "-".to_owned(),
                _ => list.join(" "),
            };
            let created = jiff::Timestamp::from_second(client.created_at.as_second());
            vec![
                client.client_id,
                client.name,
                shown(client.scopes),
                shown(client.audiences),
                created.unwrap_or(client.created_at).to_string(),
            ]
        })
        .collect();
    output::table(&["id", "name", "scopes", "audiences", "created"], &rows)
}
