//! What caches are told of an answer to a token.

use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue};

/// What an answer must say to caches, since its request's token stood where they do not look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caching {
    /// They know the header.
    Theirs,
    /// `no-store`, unless the answer says something else; then what a cache makes of that beside `Authorization`.
    NoStoreUnlessSaid,
    /// `no-store`, whatever it says: its own URL would be the key to it.
    NoStore,
}

/// A cache on the way keeps no answer to a request with `Authorization`, and does not know of other places.
pub(super) fn keep_from_caches(caching: Caching, headers: &mut HeaderMap) {
    let no_store = HeaderValue::from_static("no-store");
    match caching {
        Caching::Theirs => {}
        Caching::NoStoreUnlessSaid if !headers.contains_key(CACHE_CONTROL) => {
            headers.insert(CACHE_CONTROL, no_store);
        }
        Caching::NoStoreUnlessSaid => {
            if !headers.get_all(CACHE_CONTROL).iter().any(speaks_of_sharing) {
                headers.append(CACHE_CONTROL, HeaderValue::from_static("private"));
            }
        }
        Caching::NoStore => drop(headers.insert(CACHE_CONTROL, no_store)),
    }
}

/// Whether it says in so many words what a shared cache may do (RFC 9111, section 3.5), or that none may keep it. What is quoted
/// is not read: `private="set-cookie"` is about one header only.
fn speaks_of_sharing(value: &HeaderValue) -> bool {
    const WORDS: [&str; 5] = [
        "private",
        "no-store",
        "public",
        "s-maxage",
        "must-revalidate",
    ];
    let Ok(text) = value.to_str() else {
        return false;
    };
    let mut names = text
        .split(',')
        .filter_map(|directive| directive.split('=').next());
    !text.contains('"')
        && names.any(|name| {
            WORDS
                .iter()
                .any(|word| name.trim().eq_ignore_ascii_case(word))
        })
}
