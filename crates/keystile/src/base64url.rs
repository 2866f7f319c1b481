//! Base64url without padding, canonical only (RFC 7515, section 2; RFC 4648, section 3.5).

use base64_simd::{AsOut, URL_SAFE_NO_PAD as STRICT};

pub(crate) fn encode(bytes: &[u8]) -> String {
    STRICT.encode_to_string(bytes)
}

pub(crate) fn encode_into(bytes: &[u8], text: &mut String) {
    STRICT.encode_append(bytes, text);
}

/// `None` for padding, a foreign symbol, an impossible length or trailing bits that are not zero.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    STRICT.decode_to_vec(text).ok()
}

/// Decodes into `into`, as far as needed; `None` if it is not canonical or does not fit.
pub(crate) fn decode_slice<'a>(text: &[u8], into: &'a mut [u8]) -> Option<&'a [u8]> {
    let length = STRICT.decoded_length(text).ok()?;
    let into = into.get_mut(..length)?;
    STRICT
        .decode(text, into.as_out())
        .ok()
        .map(|decoded| &*decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_form_is_read() {
        for text in [
            "A", "AB", "AAB", "AA==", "AA=", "A+", "A/AA", "AA\n", " AA", "AAAAA", "AA.A", "ÄÄ",
        ] {
            assert_eq!(decode(text.as_bytes()), None, "{text:?}");
            assert_eq!(
                decode_slice(text.as_bytes(), &mut [0; 64]),
                None,
                "{text:?}"
            );
        }
        assert_eq!(decode(b"").unwrap(), b"");
        assert_eq!(decode(b"AA").unwrap(), [0]);
        assert_eq!(decode(b"-_8").unwrap(), [0xfb, 0xff]);
    }

    /// Long texts take another path than short ones: a fault is found at every place of both.
    #[test]
    fn a_foreign_symbol_is_found_wherever_it_stands() {
        for length in [1, 2, 3, 16, 31, 64, 100, 350] {
            let bytes: Vec<u8> = (0_u8..=255).cycle().take(length).collect();
            let text = encode(&bytes);
            assert_eq!(decode(text.as_bytes()).as_deref(), Some(&bytes[..]));
            assert_eq!(
                decode_slice(text.as_bytes(), &mut [0; 512]),
                Some(&bytes[..])
            );
            for at in 0..text.len() {
                for foreign in [b'+', b'/', b'=', b'.', b'\n', 0, 0x80, 0xff] {
                    let mut text = text.clone().into_bytes();
                    text[at] = foreign;
                    assert_eq!(decode(&text), None, "{foreign} at {at} of {length}");
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(decode_slice(b"AAAA", &mut [0; 2]), None);
        assert_eq!(decode_slice(b"AAAA", &mut [0; 3]), Some(&[0; 3][..]));
    }
}
