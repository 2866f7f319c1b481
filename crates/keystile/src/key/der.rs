//! As much DER as keys need: PKCS#8, SEC 1, PKCS#1 and `SubjectPublicKeyInfo` (RFC 5958, 5915, 8017, 5280).

use super::{Algorithm, KeyError};

pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const NULL: u8 = 0x05;
const BITS: u8 = 0x03;

const EC_PUBLIC_KEY: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];
const P256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
const RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
const ED25519: &[u8] = &[0x2B, 0x65, 0x70];

const CUT: KeyError = KeyError::Unreadable(
    "this is not the DER of a key, or it was cut; export the key again as PKCS#8 or as a public key",
);

/// Reads DER values off the front of some bytes. Definite, minimal lengths only.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The content of the next value, which must have this tag.
    pub(super) fn read(&mut self, tag: u8) -> Result<&'a [u8], KeyError> {
        let (&found, rest) = self.0.split_first().ok_or(CUT)?;
        let (length, rest) = length(rest).ok_or(CUT)?;
        if found != tag || length > rest.len() {
            return Err(CUT);
        }
        let (content, rest) = rest.split_at(length);
        self.0 = rest;
        Ok(content)
    }

    /// The next value, an unsigned integer without its leading zero.
    pub(super) fn unsigned(&mut self) -> Result<&'a [u8], KeyError> {
        match self.read(INTEGER)? {
            [0, rest @ ..] => Ok(rest),
            [first, ..] if *first >= 0x80 => Err(CUT),
            [] => Err(CUT),
            number => Ok(number),
        }
    }
}

fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        return Some((usize::from(first), rest));
    }
    let count = usize::from(first & 0x7F);
    if count == 0 || count > 3 || rest.len() < count {
        return None;
    }
    let (digits, rest) = rest.split_at(count);
    let length = digits
        .iter()
        .fold(0, |length, digit| length << 8 | usize::from(*digit));
    (length >= 0x80 && digits.first() != Some(&0)).then_some((length, rest))
}

fn algorithm(identifier: &[u8]) -> Result<Algorithm, KeyError> {
    let mut identifier = Reader::new(identifier);
    match identifier.read(OID)? {
        RSA => Ok(Algorithm::Rs256),
        ED25519 => Ok(Algorithm::EdDsa),
        EC_PUBLIC_KEY => match identifier.read(OID)? {
            P256 => Ok(Algorithm::Es256),
            _ => Err(OTHER_CURVE),
        },
        _ => Err(KeyError::Unsupported(
            "this kind of key is not supported; use P-256, Ed25519 or RSA",
        )),
    }
}

/// What is said of a key on another curve.
pub(super) const OTHER_CURVE: KeyError = KeyError::Unsupported(
    "of the elliptic curves only P-256 is supported; make a key with `openssl ecparam -name prime256v1 -genkey`",
);

/// Whether a SEC 1 private key names P-256 as its curve.
pub(super) fn names_p256(sec1: &[u8]) -> bool {
    sec1.windows(P256.len()).any(|bytes| bytes == P256)
}

/// The algorithm of a PKCS#8 private key.
pub(super) fn pkcs8_algorithm(pkcs8: &[u8]) -> Result<Algorithm, KeyError> {
    let mut outer = Reader::new(pkcs8);
    let mut inner = Reader::new(outer.read(SEQUENCE)?);
    inner.read(INTEGER)?;
    let identifier = inner.read(SEQUENCE)?;
    if outer.is_empty() {
        algorithm(identifier)
    } else {
        Err(CUT)
    }
}

/// The algorithm and the key of a `SubjectPublicKeyInfo`.
pub(super) fn public_key(spki: &[u8]) -> Result<(Algorithm, &[u8]), KeyError> {
    let mut outer = Reader::new(spki);
    let mut inner = Reader::new(outer.read(SEQUENCE)?);
    let algorithm = algorithm(inner.read(SEQUENCE)?)?;
    match inner.read(BITS)? {
        [0, key @ ..] if inner.is_empty() && outer.is_empty() => Ok((algorithm, key)),
        _ => Err(CUT),
    }
}

/// Modulus and exponent of a PKCS#1 `RSAPublicKey`.
pub(super) fn rsa_public(pkcs1: &[u8]) -> Result<(&[u8], &[u8]), KeyError> {
    let mut outer = Reader::new(pkcs1);
    let mut inner = Reader::new(outer.read(SEQUENCE)?);
    let (modulus, exponent) = (inner.unsigned()?, inner.unsigned()?);
    if inner.is_empty() && outer.is_empty() {
        Ok((modulus, exponent))
    } else {
        Err(CUT)
    }
}

/// Modulus and exponent of a PKCS#1 `RSAPrivateKey`.
pub(super) fn rsa_public_of_private(pkcs1: &[u8]) -> Result<(&[u8], &[u8]), KeyError> {
    let mut inner = Reader::new(Reader::new(pkcs1).read(SEQUENCE)?);
    inner.unsigned()?;
    Ok((inner.unsigned()?, inner.unsigned()?))
}

/// The private key inside a PKCS#8.
pub(super) fn pkcs8_content(pkcs8: &[u8]) -> Result<&[u8], KeyError> {
    let mut inner = Reader::new(Reader::new(pkcs8).read(SEQUENCE)?);
    inner.read(INTEGER)?;
    inner.read(SEQUENCE)?;
    inner.read(OCTETS)
}

/// Appends a value.
pub(super) fn write(tag: u8, content: &[u8], into: &mut Vec<u8>) {
    into.push(tag);
    let length = content.len();
    if length < 0x80 {
        into.push(u8::try_from(length).unwrap_or(0));
    } else {
        let bytes = length.to_be_bytes();
        let used = bytes.iter().skip_while(|byte| **byte == 0).count();
        into.push(0x80 | u8::try_from(used).unwrap_or(0));
        into.extend_from_slice(&bytes[bytes.len() - used..]);
    }
    into.extend_from_slice(content);
}

/// Appends an unsigned integer.
pub(super) fn write_unsigned(number: &[u8], into: &mut Vec<u8>) {
    let start = number.iter().position(|byte| *byte != 0);
    let number = start.map_or(&[][..], |start| &number[start..]);
    let mut content = Vec::with_capacity(number.len() + 1);
    if number.first().is_none_or(|first| *first >= 0x80) {
        content.push(0);
    }
    content.extend_from_slice(number);
    write(INTEGER, &content, into);
    zeroize::Zeroize::zeroize(&mut content);
}

/// A PKCS#8 around a PKCS#1 `RSAPrivateKey`.
pub(super) fn wrap_rsa(pkcs1: &[u8]) -> Vec<u8> {
    let mut identifier = Vec::new();
    write(OID, RSA, &mut identifier);
    write(NULL, &[], &mut identifier);
    let mut content = Vec::with_capacity(pkcs1.len() + 32);
    write_unsigned(&[], &mut content);
    write(SEQUENCE, &identifier, &mut content);
    write(OCTETS, pkcs1, &mut content);
    let mut pkcs8 = Vec::with_capacity(content.len() + 8);
    write(SEQUENCE, &content, &mut pkcs8);
    zeroize::Zeroize::zeroize(&mut content);
    pkcs8
}

/// A `SubjectPublicKeyInfo` around a key.
pub(super) fn wrap_public(algorithm: Algorithm, key: &[u8]) -> Vec<u8> {
    let mut identifier = Vec::new();
    match algorithm {
        Algorithm::Es256 => {
            write(OID, EC_PUBLIC_KEY, &mut identifier);
            write(OID, P256, &mut identifier);
        }
        Algorithm::EdDsa => write(OID, ED25519, &mut identifier),
        Algorithm::Rs256 | Algorithm::Hs256 => {
            write(OID, RSA, &mut identifier);
            write(NULL, &[], &mut identifier);
        }
    }
    let mut bits = Vec::with_capacity(key.len() + 1);
    bits.push(0);
    bits.extend_from_slice(key);
    let mut content = Vec::new();
    write(SEQUENCE, &identifier, &mut content);
    write(BITS, &bits, &mut content);
    let mut spki = Vec::new();
    write(SEQUENCE, &content, &mut spki);
    spki
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_minimal_and_definite() {
        for (bytes, expected) in [
            (&[0x30, 0x00][..], true),
            (&[0x30, 0x80, 0, 0], false),
            (&[0x30, 0x81, 0x01, 0], false),
            (&[0x30, 0x82, 0x00, 0x81], false),
            (&[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF], false),
            (&[0x30, 0x05, 0x00], false),
            (&[0x30], false),
            (&[], false),
        ] {
            assert_eq!(
                Reader::new(bytes).read(SEQUENCE).is_ok(),
                expected,
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let content = vec![7; length];
            let mut der = Vec::new();
            write(OCTETS, &content, &mut der);
            let mut reader = Reader::new(&der);
            assert_eq!(reader.read(OCTETS).unwrap(), content);
            assert!(reader.is_empty());
        }
        let mut der = Vec::new();
        write_unsigned(&[0, 0, 0x80, 1], &mut der);
        assert_eq!(der, [INTEGER, 3, 0, 0x80, 1]);
        assert_eq!(Reader::new(&der).unsigned().unwrap(), [0x80, 1]);
    }
}
