//! What an `OpenAPI` document says of a guard.
#![cfg(feature = "utoipa")]

use http::{HeaderName, Method};
use keystile::{
    ApiSecurity, Csrf, Expected, Guard, KeySet, Place, Reason, RequestHeader, TokenCookie,
    TokenQuery, Trust, Verifier, VerifyingKey,
};
use serde_json::{Value, json};
use utoipa::Modify;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};

const SECRET: [u8; 32] = [7; 32];

fn guard() -> Guard {
    Guard::hs256(SECRET).unwrap()
}

/// A document with these paths, described.
fn described(security: &[ApiSecurity], paths: &Value) -> Value {
    with_all(security, paths, &Value::Null)
}

fn with_all(security: &[ApiSecurity], paths: &Value, of_all: &Value) -> Value {
    let mut document = json!({
        "openapi": "3.1.0",
        "info": { "title": "Cakes", "version": "1" },
        "paths": paths,
    });
    if !of_all.is_null() {
        document["security"] = of_all.clone();
    }
    let mut document: OpenApi = serde_json::from_value(document).unwrap();
    for one in security {
        one.modify(&mut document);
    }
    let document = serde_json::to_value(document).unwrap();
    check(&document, &document);
    document
}

/// Every reference leads somewhere, and every scheme that is asked for is there.
fn check(part: &Value, document: &Value) {
    match part {
        Value::Object(members) => {
            for (name, value) in members {
                match (name.as_str(), value) {
                    ("$ref", Value::String(to)) => {
                        let to = to.strip_prefix('#').expect("of this document");
                        assert!(document.pointer(to).is_some(), "{to} is nowhere");
                    }
                    ("security", Value::Array(requirements)) => {
                        for scheme in requirements.iter().flat_map(|one| one.as_object().unwrap()) {
                            let at = format!("/components/securitySchemes/{}", scheme.0);
                            assert!(document.pointer(&at).is_some(), "{at} is nowhere");
                        }
                    }
                    _ => check(value, document),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| check(value, document)),
        _ => {}
    }
}

/// A route of each of these methods that asks for the guard.
fn routes(methods: &[&str]) -> Value {
    let operation = json!({
        "security": [{ "guard": [] }],
        "responses": { "200": { "description": "Cakes." } },
    });
    let item = methods
        .iter()
        .map(|method| ((*method).to_owned(), operation.clone()));
    json!({ "/cakes": Value::Object(item.collect()) })
}

fn asked<'d>(document: &'d Value, method: &str) -> &'d Value {
    &document["paths"]["/cakes"][method]["security"]
}

#[test]
fn a_guard_by_the_header_is_a_bearer_scheme_and_brings_its_answers() {
    let document = described(&[guard().openapi()], &routes(&["get"]));
    assert_eq!(
        document["components"]["securitySchemes"],
        json!({ "guard_header": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } })
    );
    assert_eq!(*asked(&document, "get"), json!([{ "guard_header": [] }]));
    let answers = document["paths"]["/cakes"]["get"]["responses"]
        .as_object()
        .unwrap();
    assert_eq!(
        answers.keys().collect::<Vec<_>>(),
        ["200", "400", "401", "403", "503"]
    );
    assert!(!document.to_string().contains("777"), "a secret is shown");
}

#[test]
fn every_reason_that_a_guard_may_give_stands_under_its_status() {
    let csrf = Csrf::new([9; 32], ["https://app.example"]);
    let guard = guard()
        .token_from_cookie(TokenCookie::host("access"), csrf)
        .token_from_form("token");
    let document = described(&[guard.openapi()], &routes(&["post"]));
    for reason in Reason::ALL {
        let at = format!("/components/responses/guard_{}", reason.status());
        let answer = document.pointer(&at).unwrap();
        let code = format!("`{}`", reason.code());
        let told = answer["description"].as_str().unwrap();
        let given = *reason != Reason::RefreshTokenNeeded;
        assert_eq!(told.contains(&code), given, "{reason}");
        let codes = "/content/application~1problem+json/schema/properties/code/enum";
        let codes = answer.pointer(codes).unwrap().as_array().unwrap();
        assert_eq!(codes.contains(&reason.code().into()), given, "{reason}");
        let header = if reason.status() == 503 {
            "Retry-After"
        } else {
            "WWW-Authenticate"
        };
        assert!(answer["headers"][header].is_object(), "{reason}");
    }
    let plain = described(&[self::guard().openapi()], &routes(&["get"]));
    let plain = plain["components"]["responses"].to_string();
    for absent in ["csrf_token_wrong", "body_too_large", "origin_refused"] {
        assert!(!plain.contains(absent), "{absent} without its place");
    }
}

#[test]
fn each_place_is_asked_for_on_the_methods_on_which_it_is_read() {
    let csrf = Csrf::new([9; 32], ["https://app.example"])
        .header(HeaderName::from_static("x-page"))
        .methods([Method::POST, Method::DELETE]);
    let guard = guard()
        .token_from_cookie(TokenCookie::host("access"), csrf)
        .token_from_query(TokenQuery::named("jwt").prefix("Bearer "));
    let document = described(&[guard.openapi()], &routes(&["get", "post", "put"]));
    let schemes = &document["components"]["securitySchemes"];
    assert_eq!(
        schemes["guard_cookie"],
        json!({ "type": "apiKey", "in": "cookie", "name": "__Host-access" })
    );
    assert_eq!(schemes["guard_query"]["name"], "jwt");
    assert_eq!(
        schemes["guard_query"]["description"],
        "`Bearer `, then the token."
    );
    assert_eq!(schemes["guard_csrf"]["name"], "x-page");
    let (header, cookie) = (json!({ "guard_header": [] }), json!({ "guard_cookie": [] }));
    let both = json!({ "guard_cookie": [], "guard_csrf": [] });
    assert_eq!(
        *asked(&document, "get"),
        json!([header, cookie, { "guard_query": [] }])
    );
    assert_eq!(*asked(&document, "post"), json!([header, both]));
    assert_eq!(*asked(&document, "put"), json!([header, cookie]));
}

#[test]
fn only_the_places_that_a_guard_looks_in_are_named() {
    let other = guard().token_from_header(
        RequestHeader::named(HeaderName::from_static("x-api-token")).scheme("JWT"),
    );
    let document = described(&[other.openapi()], &routes(&["get"]));
    assert_eq!(
        document["components"]["securitySchemes"]["guard_header"],
        json!({
            "type": "apiKey", "in": "header", "name": "x-api-token",
            "description": "`JWT`, a space, then the token.",
        })
    );

    let unchecked = guard()
        .token_from_cookie(TokenCookie::plain("access"), Csrf::unchecked())
        .only_from([Place::Cookie]);
    let document = described(&[unchecked.openapi()], &routes(&["post"]));
    assert_eq!(*asked(&document, "post"), json!([{ "guard_cookie": [] }]));
    let schemes = document["components"]["securitySchemes"]
        .as_object()
        .unwrap();
    assert_eq!(schemes.keys().collect::<Vec<_>>(), ["guard_cookie"]);

    // There is no scheme for a body: the operation describes that itself.
    let body = guard().token_from_json("token").only_from([Place::Json]);
    let document = described(&[body.openapi()], &routes(&["post"]));
    assert_eq!(*asked(&document, "post"), json!([{}]));
    assert!(document["paths"]["/cakes"]["post"]["responses"]["413"].is_object());
}

#[test]
fn what_a_route_says_itself_stays() {
    let paths = json!({ "/cakes": {
        "get": {
            "security": [{}, { "guard": ["cakes:read"], "tenant": [] }],
            "responses": { "401": { "description": "Mine." } },
        },
        "head": { "security": [{ "tenant": [] }], "responses": {} },
        "post": { "security": [], "responses": {} },
    }});
    let mut document: OpenApi = serde_json::from_value(json!({
        "openapi": "3.1.0",
        "info": { "title": "Cakes", "version": "1" },
        "paths": paths,
    }))
    .unwrap();
    let tenant = ApiKey::Header(ApiKeyValue::new("x-tenant"));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("tenant", SecurityScheme::ApiKey(tenant));
    guard().openapi().modify(&mut document);
    let document = serde_json::to_value(document).unwrap();
    check(&document, &document);
    assert_eq!(
        *asked(&document, "get"),
        json!([{}, { "guard_header": ["cakes:read"], "tenant": [] }])
    );
    let answers = &document["paths"]["/cakes"]["get"]["responses"];
    assert_eq!(answers["401"]["description"], "Mine.");
    assert!(answers["503"]["$ref"].is_string());
    // Nothing of the guard's where the guard is not asked for.
    let head = &document["paths"]["/cakes"]["head"];
    assert_eq!(head["security"], json!([{ "tenant": [] }]));
    assert_eq!(head["responses"], json!({}));
    let post = &document["paths"]["/cakes"]["post"];
    assert_eq!(post["security"], json!([]));
    assert_eq!(post["responses"], json!({}));
}

#[test]
fn what_holds_for_the_whole_document_holds_for_each_route_but_those_that_say_otherwise() {
    let paths = json!({ "/cakes": {
        "get": { "responses": {} },
        "post": { "security": [], "responses": {} },
    }});
    let of_all = json!([{ "guard": [] }]);
    let guard = guard().token_from_query("token");
    let document = with_all(&[guard.openapi()], &paths, &of_all);
    assert!(
        document.get("security").is_none(),
        "{}",
        document["security"]
    );
    assert_eq!(
        *asked(&document, "get"),
        json!([{ "guard_header": [] }, { "guard_query": [] }])
    );
    assert_eq!(*asked(&document, "post"), json!([]));
}

#[test]
fn two_guards_have_names_of_their_own() {
    let staff = guard().token_from_query("t").openapi().named("staff/");
    let paths = json!({ "/cakes": {
        "get": { "security": [{ "guard": [] }], "responses": {} },
        "post": { "security": [{ "staff": ["ovens"] }], "responses": {} },
        "put": { "responses": {} },
    }});
    let of_all = json!([{ "guard": [] }, { "staff": [] }]);
    let document = with_all(&[guard().openapi(), staff], &paths, &of_all);
    assert_eq!(*asked(&document, "get"), json!([{ "guard_header": [] }]));
    assert_eq!(
        *asked(&document, "post"),
        json!([{ "staff_header": ["ovens"] }])
    );
    assert_eq!(
        *asked(&document, "put"),
        json!([{ "guard_header": [] }, { "staff_header": [] }])
    );
    let answers = document["components"]["responses"].as_object().unwrap();
    assert!(answers.contains_key("staff_401") && answers.contains_key("guard_401"));
}

#[test]
fn an_applications_own_shape_is_not_described_as_ours() {
    let own = guard().refusals(|refusal, _| http::Response::new(refusal.code().to_owned()));
    let document = described(&[own.openapi()], &routes(&["get"]));
    let answer = &document["components"]["responses"]["guard_401"];
    assert!(answer.get("content").is_none(), "{answer}");
    assert!(answer["headers"]["WWW-Authenticate"].is_object());
}

#[test]
fn issuers_are_named_and_another_way_to_a_token_may_be() {
    let trust = |issuer: &str| Trust {
        issuer: issuer.into(),
        audience: Expected::Absent,
        token_type: "at+jwt".into(),
        keys: KeySet::from(VerifyingKey::hs256(SECRET).unwrap()),
    };
    let verifier = Verifier::new(trust("https://a.example")).or_trust(trust("https://b.example"));
    let guard = Guard::new(verifier).token_from_query("token");
    let other = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("authorization")));
    let security = guard.openapi().also_by("other", other);
    let document = described(&[security], &routes(&["post"]));
    assert_eq!(
        document["components"]["securitySchemes"]["guard_header"]["description"],
        "Issued by https://a.example, or by https://b.example."
    );
    assert_eq!(
        *asked(&document, "post"),
        json!([{ "guard_header": [] }, { "guard_other": [] }])
    );
}

#[cfg(feature = "remote")]
#[tokio::test]
async fn an_issuer_that_is_followed_may_be_named_as_a_provider_of_openid_connect() {
    let follow = |issuer: &str| {
        keystile::Issuer::at(issuer)
            .audience("cakes")
            .connect_lazy()
    };
    let first = follow("https://login.example/realms/shop").unwrap();
    let second = follow("https://partner.example/").unwrap();
    let guard = Guard::new(Verifier::new(&first).or_trust(&second));
    let document = described(&[guard.openapi().by_open_id_connect()], &routes(&["get"]));
    let schemes = &document["components"]["securitySchemes"];
    assert_eq!(
        schemes["guard_openid"],
        json!({
            "type": "openIdConnect",
            "openIdConnectUrl": "https://login.example/realms/shop/.well-known/openid-configuration",
        })
    );
    assert_eq!(
        schemes["guard_openid2"]["openIdConnectUrl"],
        "https://partner.example/.well-known/openid-configuration"
    );
    let asked = asked(&document, "get").as_array().unwrap();
    assert_eq!(asked.len(), 3, "one of the three is enough: {asked:?}");
}
