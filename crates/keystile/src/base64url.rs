//! Base64url without padding, canonical only (RFC 7515, section 2; RFC 4648, section 3.5).

use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use base64::{DecodeSliceError, Engine};

/// Refuses padding, foreign symbols and trailing bits that are not zero.
static STRICT: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, NO_PAD);

pub(crate) fn encode(bytes: &[u8]) -> String {
    STRICT.encode(bytes)
}

pub(crate) fn encode_into(bytes: &[u8], text: &mut String) {
    STRICT.encode_string(bytes, text);
}

pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    STRICT.decode(text).ok()
}

/// Decodes into `into`, as far as needed; `None` if it is not canonical or does not fit.
pub(crate) fn decode_slice<'a>(text: &[u8], into: &'a mut [u8]) -> Option<&'a [u8]> {
    match STRICT.decode_slice(text, into) {
        Ok(length) => into.get(..length),
        Err(DecodeSliceError::DecodeError(_) | DecodeSliceError::OutputSliceTooSmall) => None,
    }
}
