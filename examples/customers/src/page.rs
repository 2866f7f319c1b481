//! `?page=&per_page=`, with every fault told at once.

use std::ops::RangeInclusive;

use crate::answer::Refused;
use crate::form::Faults;

const USUAL: u32 = 10;
const MOST: u32 = 100;
/// A page is found by stepping over the customers before it in an index. So many steps take some milliseconds; more are
/// refused.
const DEEPEST: u32 = 100_000;

/// Which customers a page shows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) limit: u32,
    pub(crate) offset: u32,
}

impl Page {
    /// Reads the query's pairs; what is neither `page` nor `per_page` is passed over.
    pub(crate) fn read(query: &[(String, String)]) -> Result<Self, Refused> {
        let mut faults = Faults::default();
        let limit = number(query, "per_page", USUAL, 1..=MOST, &mut faults);
        let page = number(query, "page", 1, 1..=DEEPEST / limit, &mut faults);
        faults.none()?;
        Ok(Self {
            limit,
            offset: (page - 1) * limit,
        })
    }
}

/// The parameter of this name, or `usual`; that too where it is wrong, which is noted.
fn number(
    query: &[(String, String)],
    name: &str,
    usual: u32,
    allowed: RangeInclusive<u32>,
    faults: &mut Faults,
) -> u32 {
    let mut values = query
        .iter()
        .filter(|(key, _)| key == name)
        .map(|(_, value)| value);
    let fault = match (values.next(), values.next()) {
        (None, _) => return usual,
        (Some(_), Some(_)) => format!("Give {name} once."),
        (Some(value), None) => match value.parse::<i64>() {
            Err(_) => "Not a valid integer.".to_owned(),
            Ok(value) => match u32::try_from(value) {
                Ok(value) if allowed.contains(&value) => return value,
                _ => format!(
                    "Must be greater than or equal to {} and less than or equal to {}.",
                    allowed.start(),
                    allowed.end()
                ),
            },
        },
    };
    faults.note(name, fault);
    usual
}

#[cfg(test)]
mod tests {
    use super::Page;

    fn read(query: &[(&str, &str)]) -> Option<(u32, u32)> {
        let query: Vec<_> = query
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Page::read(&query)
            .ok()
            .map(|page| (page.limit, page.offset))
    }

    #[test]
    fn pages_begin_at_one_and_have_an_end() {
        assert_eq!(read(&[]), Some((10, 0)));
        assert_eq!(read(&[("page", "3")]), Some((10, 20)));
        assert_eq!(
            read(&[("per_page", "100"), ("page", "1000")]),
            Some((100, 99_900))
        );
        assert_eq!(
            read(&[("per_page", "1"), ("page", "100000"), ("other", "x")]),
            Some((1, 99_999))
        );
        for wrong in [
            [("page", "0"), ("per_page", "10")],
            [("page", "1001"), ("per_page", "100")],
            [("page", "1"), ("per_page", "101")],
            [("page", "1"), ("per_page", "0")],
            [("page", "-1"), ("per_page", "10")],
            [("page", ""), ("per_page", "10")],
            [("page", "1.0"), ("per_page", "10")],
            [("page", "4294967297"), ("per_page", "10")],
            [("page", "9223372036854775808"), ("per_page", "10")],
            [("page", "1"), ("page", "1")],
        ] {
            assert_eq!(read(&wrong), None, "{wrong:?}");
        }
    }
}
