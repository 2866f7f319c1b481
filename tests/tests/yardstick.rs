//! The table of Flask-JWT-Extended's options names all of them, and nothing that does not exist.

use std::collections::BTreeSet;

use keystile_tests::{fault_of_test, files_below, root, source};

const PAGE: &str = "docs/flask-jwt-extended.md";

/// What version 4.7 documents: its settings, the parameters of its guard, its functions and its call-backs.
const YARDSTICK: &str = "
    JWT_SECRET_KEY JWT_PRIVATE_KEY JWT_PUBLIC_KEY JWT_ALGORITHM JWT_DECODE_ALGORITHMS JWT_ACCESS_TOKEN_EXPIRES JWT_REFRESH_TOKEN_EXPIRES
    JWT_ENCODE_AUDIENCE JWT_ENCODE_ISSUER JWT_ENCODE_NBF JWT_DECODE_AUDIENCE JWT_DECODE_ISSUER JWT_DECODE_LEEWAY JWT_ERROR_MESSAGE_KEY
    JWT_IDENTITY_CLAIM JWT_VERIFY_SUB JWT_TOKEN_LOCATION JWT_HEADER_NAME JWT_HEADER_TYPE JWT_ACCESS_COOKIE_NAME JWT_REFRESH_COOKIE_NAME
    JWT_ACCESS_COOKIE_PATH JWT_REFRESH_COOKIE_PATH JWT_COOKIE_DOMAIN JWT_COOKIE_SAMESITE JWT_COOKIE_SECURE JWT_SESSION_COOKIE
    JWT_COOKIE_CSRF_PROTECT JWT_CSRF_IN_COOKIES JWT_CSRF_METHODS JWT_CSRF_CHECK_FORM JWT_ACCESS_CSRF_HEADER_NAME
    JWT_REFRESH_CSRF_HEADER_NAME JWT_ACCESS_CSRF_FIELD_NAME JWT_REFRESH_CSRF_FIELD_NAME JWT_ACCESS_CSRF_COOKIE_NAME
    JWT_REFRESH_CSRF_COOKIE_NAME JWT_ACCESS_CSRF_COOKIE_PATH JWT_REFRESH_CSRF_COOKIE_PATH JWT_QUERY_STRING_NAME
    JWT_QUERY_STRING_VALUE_PREFIX JWT_JSON_KEY JWT_REFRESH_JSON_KEY
    JWTManager() init_app() JWTManager(add_context_processor=True) create_access_token(fresh=…) create_access_token(expires_delta=…)
    create_access_token(additional_claims=…) create_access_token(additional_headers=…)
    jwt_required() jwt_required(optional=True) jwt_required(fresh=True) jwt_required(refresh=True) jwt_required(locations=…)
    jwt_required(verify_type=False) jwt_required(skip_revocation_check=True) verify_jwt_in_request()
    create_access_token() create_refresh_token() decode_token() decode_token(allow_expired=True) decode_token(csrf_value=…) get_jwt()
    get_jwt_header() get_jwt_identity() get_jwt_request_location() get_current_user() current_user get_jti() get_csrf_token()
    get_unverified_jwt_headers() set_access_cookies() set_refresh_cookies() unset_access_cookies() unset_refresh_cookies()
    unset_jwt_cookies()
    additional_claims_loader additional_headers_loader encode_key_loader decode_key_loader user_identity_loader user_lookup_loader
    user_lookup_error_loader token_in_blocklist_loader token_verification_loader token_verification_failed_loader unauthorized_loader
    invalid_token_loader expired_token_loader revoked_token_loader needs_fresh_token_loader
";

/// A row of the table: what the library calls it, what stands for it here, the test that shows it.
struct Row {
    theirs: Vec<String>,
    ours: String,
    test: String,
}

fn rows(page: &str) -> Vec<Row> {
    let lines = page.lines().filter(|line| line.starts_with("| `"));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            assert_eq!(cells.len(), 3, "{line}");
            Row {
                theirs: code(cells[0]),
                ours: cells[1].to_owned(),
                test: cells[2].trim_matches('`').to_owned(),
            }
        })
        .collect()
}

/// What stands between backticks.
fn code(text: &str) -> Vec<String> {
    let pieces = text.split('`').skip(1).step_by(2);
    pieces.map(str::to_owned).collect()
}

fn page() -> String {
    std::fs::read_to_string(root().join(PAGE)).expect("the page")
}

#[test]
fn every_option_guard_function_and_call_back_has_its_row() {
    let page = page();
    let written: BTreeSet<String> = rows(&page).into_iter().flat_map(|row| row.theirs).collect();
    let missing: Vec<&str> = YARDSTICK
        .split_whitespace()
        .filter(|name| !written.contains(*name))
        .collect();
    assert!(missing.is_empty(), "no row for {missing:?}");
}

#[test]
fn each_row_names_a_test_that_exists_or_says_not_yet() {
    let page = page();
    for row in rows(&page) {
        if row.test == "–" {
            assert_eq!(row.ours, "not yet", "{:?} has no test", row.theirs);
            continue;
        }
        let fault = fault_of_test(&row.test);
        assert_eq!(fault, None, "{:?}", row.theirs);
    }
    assert!(fault_of_test("issuing.rs::no_such_test").is_some());
    assert!(fault_of_test("issuing.rs::claims").is_some(), "no test");
    assert!(fault_of_test("nowhere.rs::a_test").is_some());
}

#[test]
fn each_row_names_what_is_public() {
    let keystile = Public::read("keystile");
    let accounts = Public::read("keystile-accounts");
    let page = page();
    for row in rows(&page) {
        let named = code(&row.ours);
        assert!(
            !named.is_empty() || row.test == "–",
            "{:?} says nothing of ours",
            row.theirs
        );
        for item in named {
            let (public, path) = match item.strip_prefix("keystile_accounts::") {
                Some(path) => (&accounts, path),
                None => (&keystile, item.as_str()),
            };
            assert!(public.has(path), "{:?}: {item} is not public", row.theirs);
        }
    }
    for absent in [
        "Guard::no_such",
        "NoSuch",
        "Guard::settings",
        "Reason::NoSuch",
        "no_such",
        "Principal<NoSuch>",
    ] {
        assert!(!keystile.has(absent), "{absent}");
    }
}

/// What a crate makes public, by its source.
struct Public {
    exported: BTreeSet<String>,
    files: Vec<String>,
}

impl Public {
    fn read(name: &str) -> Self {
        let folder = root().join("crates").join(name).join("src");
        let files = files_below(&folder).into_iter();
        let files = files.filter(|path| path.extension().is_some_and(|ending| ending == "rs"));
        let files: Vec<String> = files
            .map(|path| source::code_only(&std::fs::read_to_string(path).expect("a source file")))
            .collect();
        let read = |path: &str| std::fs::read_to_string(folder.join(path)).unwrap_or_default();
        let root = read("lib.rs");
        let modules = root.split("pub mod ").skip(1);
        let modules = modules.map(|text| text.split(';').next().unwrap_or_default());
        let inner: String = modules
            .map(|name| read(&format!("{name}/mod.rs")))
            .collect();
        let exports = root
            .split("pub use ")
            .skip(1)
            .chain(inner.split("pub use ").skip(1));
        let exports = exports.map(|text| text.split(';').next().unwrap_or_default());
        let exported = exports.flat_map(words).map(str::to_owned).collect();
        Self { exported, files }
    }

    /// Whether each part of `Type`, `Type::member`, `function` or `Type<Other>` is public. `Mine` is the reader's own.
    fn has(&self, item: &str) -> bool {
        let known = ["Option", "Result", "Mine"];
        if let Some((outer, inner)) = item.split_once('<') {
            let mut parts = words(inner).chain([outer]);
            return parts.all(|part| {
                let number = part.bytes().all(|byte| byte.is_ascii_digit());
                number || known.contains(&part) || self.exported.contains(part)
            });
        }
        match item.split_once("::") {
            None => self.exported.contains(item),
            Some((kind, member)) => self.exported.contains(kind) && self.has_member(kind, member),
        }
    }

    /// Whether a file that speaks of this type makes the member public: a function, a field, or a variant of the enum.
    fn has_member(&self, kind: &str, member: &str) -> bool {
        let wanted = ["fn", "const fn", "async fn"].map(|word| format!("pub {word} {member}"));
        let field = format!("pub {member}:");
        let of_type = |file: &&String| words(file).any(|word| word == kind);
        let variants = ["enum", "pub enum"].map(|word| format!("{word} {kind} "));
        self.files.iter().filter(of_type).any(|file| {
            let function = wanted.iter().any(|text| {
                let mut places = file.match_indices(text.as_str());
                places.any(|(at, _)| file[at + text.len()..].starts_with(['(', '<']))
            });
            let is_enum = variants.iter().any(|text| file.contains(text.as_str()));
            let variant = is_enum && file.lines().any(|line| words(line).next() == Some(member));
            function || file.contains(&field) || variant
        })
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    parts.filter(|word| !word.is_empty())
}
