//! PEM, one key a text (RFC 7468).

use base64_simd::STANDARD;
use zeroize::Zeroizing;

use super::KeyError;

/// What a PEM text holds, by its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    Pkcs8,
    Sec1,
    Pkcs1,
    Spki,
    Pkcs1Public,
}

const NOT_PEM: KeyError = KeyError::Unreadable(
    "this is not PEM: it must have a line '-----BEGIN …-----', base64, and a line '-----END …-----'",
);

/// Reads the first key of a text; parameters before it, such as `EC PARAMETERS`, are passed over.
pub(super) fn read(text: &str) -> Result<(Label, Zeroizing<Vec<u8>>), KeyError> {
    let mut rest = text;
    loop {
        let (name, body, after) = block(rest).ok_or(NOT_PEM)?;
        if name == "EC PARAMETERS" {
            rest = after;
            continue;
        }
        let label = label(name)?;
        let compact: Zeroizing<Vec<u8>> = Zeroizing::new(
            body.bytes()
                .filter(|byte| !byte.is_ascii_whitespace())
                .collect(),
        );
        let der = STANDARD.decode_to_vec(&*compact).map_err(|_| NOT_PEM)?;
        return Ok((label, Zeroizing::new(der)));
    }
}

fn block(text: &str) -> Option<(&str, &str, &str)> {
    let (_, text) = text.split_once("-----BEGIN ")?;
    let (name, text) = text.split_once("-----")?;
    let (body, text) = text.split_once("-----END ")?;
    let (end, text) = text.split_once("-----")?;
    (end == name).then_some((name, body, text))
}

fn label(name: &str) -> Result<Label, KeyError> {
    match name {
        "PRIVATE KEY" => Ok(Label::Pkcs8),
        "EC PRIVATE KEY" => Ok(Label::Sec1),
        "RSA PRIVATE KEY" => Ok(Label::Pkcs1),
        "PUBLIC KEY" => Ok(Label::Spki),
        "RSA PUBLIC KEY" => Ok(Label::Pkcs1Public),
        "ENCRYPTED PRIVATE KEY" => Err(KeyError::Unsupported(
            "the key is sealed with a password; open it first with `openssl pkey -in KEY -out OPEN`",
        )),
        "CERTIFICATE" => Err(KeyError::Unsupported(
            "this is a certificate; take its key with `openssl x509 -pubkey -noout -in CERT`",
        )),
        _ => Err(KeyError::Unsupported(
            "this PEM holds no key of a known kind; use 'PRIVATE KEY' (PKCS#8) or 'PUBLIC KEY'",
        )),
    }
}

/// Writes one, 64 symbols a line.
pub(super) fn write(name: &str, der: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode_to_string(der));
    let mut text = Zeroizing::new(String::with_capacity(body.len() + body.len() / 64 + 80));
    text.push_str("-----BEGIN ");
    text.push_str(name);
    text.push_str("-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END ");
    text.push_str(name);
    text.push_str("-----\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let der: Vec<u8> = (0..200).collect();
        let text = write("PRIVATE KEY", &der);
        assert!(text.lines().all(|line| line.len() <= 64));
        let (label, read) = read(&text).unwrap();
        assert_eq!((label, &*read), (Label::Pkcs8, &der));
        let crlf = text.replace('\n', "\r\n");
        assert_eq!(*super::read(&crlf).unwrap().1, der);
    }

    #[test]
    fn other_texts_are_refused_with_the_cure() {
        let refused = |text: &str| read(text).unwrap_err().to_string();
        assert!(refused("").contains("not PEM"));
        assert!(
            refused("-----BEGIN PRIVATE KEY-----\n?\n-----END PRIVATE KEY-----")
                .contains("not PEM")
        );
        assert!(
            refused("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PUBLIC KEY-----")
                .contains("not PEM")
        );
        assert!(
            refused("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----")
                .contains("x509")
        );
        assert!(
            refused(
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----"
            )
            .contains("password")
        );
    }
}
