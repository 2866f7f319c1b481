//! What `serve` prints when it has started: where it is, and what to type next.

use std::net::SocketAddr;

use keystile_server::config::Config;

/// The text, ready to paste from.
pub(crate) fn text(config: &Config, address: SocketAddr, issuer: &str, made: bool) -> String {
    let url = local_url(config, address);
    let version = env!("CARGO_PKG_VERSION");
    let note = if made { " (made now)" } else { "" };
    let (place, same_place) = match config.database.sqlite_path() {
        Some(_) => {
            let data = config.data.display();
            (format!("data     {data}{note}"), format!("--data {data}"))
        }
        None => (
            format!("database {}", config.database),
            "--database \"$DATABASE_URL\"".to_owned(),
        ),
    };
    let signup = if config.signup_open { "open" } else { "closed" };
    let head = format!(
        "Keystile {version} listens on {url}\n  {place}\n  issuer   {issuer}\n  sign-up  {signup}\n"
    );
    let first = if config.signup_open {
        format!(
            "# make an account
curl {url}/v1/signup -H 'Content-Type: application/json' \\
  -d '{{\"username\":\"ada\",\"password\":\"correct horse battery staple\"}}'"
        )
    } else {
        format!("# make an account\nkeystile account create --username ada {same_place}")
    };
    format!(
        "{head}
Type next, in another terminal:

{first}

# sign in, and keep the access token
TOKEN=$(curl -s -X POST {url}/v1/login -u 'ada:correct horse battery staple' \\
  | sed -n 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/p')

# ask a guarded route who you are
curl {url}/v1/me -H \"Authorization: Bearer $TOKEN\"

The API is described at {url}/openapi.json; Ctrl-C ends the server.
"
    )
}

/// Where a browser on this machine finds the server.
fn local_url(config: &Config, address: SocketAddr) -> String {
    let scheme = if config.tls.is_some() {
        "https"
    } else {
        "http"
    };
    if address.ip().is_unspecified() {
        return format!("{scheme}://127.0.0.1:{}", address.port());
    }
    format!("{scheme}://{address}")
}
