//! `keystile token inspect`: takes a token apart, and says whether it verifies.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand};
use keystile::{
    Algorithm, Expected, KeyId, KeySet, Trust, UnverifiedParts, Verifier, VerifyingKey,
    take_apart_unverified,
};
use serde_json::{Value, json};

use super::{key_source, output};

/// Longest input that is read as a token, in bytes.
const CAP: u64 = 64 * 1024;

/// Look at tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Take a token apart and say, with --issuer, --key or --secret-file, whether it verifies.
    ///
    /// Without one of these nothing is verified: anybody may have written what is shown. Whether a token was revoked
    /// only its server knows.
    #[command(after_help = "Examples:
  keystile token inspect \"$TOKEN\"
  keystile token inspect \"$TOKEN\" --issuer http://127.0.0.1:8080
  pbpaste | keystile token inspect --key public.pem --audience cakes

Exit codes: 0 it verifies, or was only to be shown; 1 it does not verify, and the reason's
code is printed.")]
    Inspect(Inspect),
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The token; left out, it is read from standard input
    token: Option<String>,
    /// Verify by the keys that this issuer publishes, and require its name in `iss`
    #[arg(long, value_name = "URL", group = "by")]
    issuer: Option<String>,
    /// Verify by the keys of this file: PEM, JWK or JWKS
    #[arg(long, value_name = "FILE", group = "by")]
    key: Option<PathBuf>,
    /// Verify by the HS256 secret in this file; a line end at its end is left out
    #[arg(long, value_name = "FILE", group = "by")]
    secret_file: Option<PathBuf>,
    /// Require this audience
    #[arg(long, value_name = "NAME", requires = "by")]
    audience: Option<String>,
    /// Require this type of token [default with --issuer: at+jwt]
    #[arg(long = "type", value_name = "TYP", requires = "by")]
    token_type: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What came of the verification.
struct Verdict {
    ok: bool,
    reason: Option<&'static str>,
    text: String,
}

impl Token {
    pub(crate) fn run(self) -> Result<()> {
        let Self::Inspect(inspect) = self;
        inspect.run()
    }
}

impl Inspect {
    fn run(self) -> Result<()> {
        let token = match &self.token {
            Some(token) => token.trim().to_owned(),
            None => read_input()?,
        };
        let token = token.strip_prefix("Bearer ").unwrap_or(&token).trim();
        let parts = take_apart_unverified(token)
            .map_err(|refusal| anyhow!("{}: {}", refusal.code(), refusal.describe()))?;
        let verdict = self
            .trust()?
            .map(|trust| judge(&Verifier::new(trust), token));
        if self.json {
            print_json(&parts, verdict.as_ref())?;
        } else {
            print(&parts, verdict.as_ref())?;
        }
        match verdict {
            Some(Verdict {
                ok: false, reason, ..
            }) => bail!("the token does not verify: {}", reason.unwrap_or("")),
            _ => Ok(()),
        }
    }

    /// Whom to believe; `None` where nothing says it.
    fn trust(&self) -> Result<Option<Trust>> {
        let (keys, issuer, default_type) = if let Some(issuer) = &self.issuer {
            (
                key_source::published_by(issuer)?,
                Expected::from(issuer.as_str()),
                Some("at+jwt"),
            )
        } else if let Some(file) = &self.key {
            (key_source::in_file(file)?, Expected::Unchecked, None)
        } else if let Some(file) = &self.secret_file {
            (secret(file)?, Expected::Unchecked, None)
        } else {
            return Ok(None);
        };
        let audience = self
            .audience
            .clone()
            .map_or(Expected::Unchecked, Expected::Exactly);
        let typ = self.token_type.as_deref().or(default_type);
        let token_type = typ.map_or(Expected::Unchecked, Expected::from);
        Ok(Some(Trust {
            issuer,
            audience,
            token_type,
            keys,
        }))
    }
}

fn read_input() -> Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .take(CAP)
        .read_to_string(&mut text)
        .context("cannot read the token from standard input")?;
    if text.trim().is_empty() {
        bail!("there is no token; give it as an argument or on standard input");
    }
    Ok(text.trim().to_owned())
}

fn secret(file: &Path) -> Result<KeySet> {
    let mut bytes =
        std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    while bytes
        .last()
        .is_some_and(|byte| matches!(byte, b'\n' | b'\r'))
    {
        bytes.pop();
    }
    let key = VerifyingKey::hs256(&bytes)
        .with_context(|| format!("{} cannot be used", file.display()))?;
    Ok(KeySet::new([key]))
}

fn judge(verifier: &Verifier, token: &str) -> Verdict {
    match verifier.verify(token) {
        Ok(verified) => Verdict {
            ok: true,
            reason: None,
            text: format!(
                "it verifies: {} by key {}; whether it was revoked only its issuer knows",
                verified.algorithm().map_or("", Algorithm::as_str),
                verified.key_id().map_or("", KeyId::as_str)
            ),
        },
        Err(refusal) => Verdict {
            ok: false,
            reason: Some(refusal.code()),
            text: format!(
                "it does NOT verify: {}. {}",
                refusal.code(),
                refusal.describe()
            ),
        },
    }
}

fn print_json(parts: &UnverifiedParts, verdict: Option<&Verdict>) -> Result<()> {
    let verification = verdict.map(|v| json!({ "ok": v.ok, "reason": v.reason, "text": v.text }));
    output::json(&json!({
        "header": value(&parts.header),
        "payload": value(&parts.payload),
        "signature_bytes": parts.signature.len(),
        "verification": verification,
    }))
}

fn print(parts: &UnverifiedParts, verdict: Option<&Verdict>) -> Result<()> {
    let (header, payload) = (value(&parts.header), value(&parts.payload));
    let mut lines = vec![output::harmless(&format!(
        "header\n{header:#}\n\npayload\n{payload:#}"
    ))];
    for claim in ["iat", "nbf", "auth_time", "exp"] {
        let at = payload
            .get(claim)
            .and_then(Value::as_i64)
            .and_then(|s| jiff::Timestamp::from_second(s).ok());
        lines.extend(at.map(|at| format!("  {claim} is {at}")));
    }
    lines.push(format!("\nsignature: {} bytes", parts.signature.len()));
    let unjudged = "nothing was verified; add --issuer URL, --key FILE or --secret-file FILE";
    lines.push(verdict.map_or(unjudged.to_owned(), |verdict| verdict.text.clone()));
    output::line(&lines.join("\n"))
}

fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or(Value::Null)
}
