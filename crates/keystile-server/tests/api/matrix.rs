//! Every kind of credential at every route of the document: who is let in, and by which reason each other is kept out.

use keystile::{Algorithm, Claims, Random, SigningKey};
use keystile_accounts::NewClient;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::actors::{ISSUER, Person, Server};
use crate::http::{Answer, Request, parse};
use crate::oauth::{API, FORM};

/// Who may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    /// Anybody; what else comes with the request changes nothing.
    Anybody,
    /// Anybody who gives a name and a password there: other credentials are no such.
    SignIn,
    /// A person, by an access token of theirs.
    People,
    /// A person with the role `admin`.
    Administrators,
    /// A client, by its secret.
    Clients,
    /// Whoever has a token with this scope.
    Scope(&'static str),
}

/// A row for each route. One that is missing here fails the test: decide who may pass before it is there.
const ROUTES: &[(&str, For)] = &[
    ("POST /v1/signup", For::Anybody),
    ("POST /v1/login", For::SignIn),
    ("POST /v1/refresh", For::Anybody),
    ("POST /v1/logout", For::People),
    ("GET /v1/me", For::People),
    ("PATCH /v1/me", For::People),
    ("DELETE /v1/me", For::People),
    ("POST /v1/me/password", For::People),
    ("GET /v1/me/sessions", For::People),
    ("DELETE /v1/me/sessions/{id}", For::People),
    ("GET /v1/admin/accounts", For::Administrators),
    ("POST /v1/admin/accounts", For::Administrators),
    ("GET /v1/admin/accounts/{id}", For::Administrators),
    ("PATCH /v1/admin/accounts/{id}", For::Administrators),
    ("DELETE /v1/admin/accounts/{id}", For::Administrators),
    ("PUT /v1/admin/accounts/{id}/roles", For::Administrators),
    ("POST /v1/admin/accounts/{id}/disable", For::Administrators),
    ("POST /v1/admin/accounts/{id}/enable", For::Administrators),
    (
        "DELETE /v1/admin/accounts/{id}/sessions",
        For::Administrators,
    ),
    ("GET /v1/admin/clients", For::Administrators),
    ("POST /v1/admin/clients", For::Administrators),
    ("DELETE /v1/admin/clients/{id}", For::Administrators),
    ("GET /v1/admin/keys", For::Administrators),
    ("POST /v1/admin/keys/rotate", For::Administrators),
    ("POST /v1/admin/keys/{kid}/withdraw", For::Administrators),
    ("POST /oauth/token", For::Clients),
    ("POST /oauth/introspect", For::Clients),
    ("POST /oauth/revoke", For::Clients),
    ("GET /v1/revocations", For::Scope("revocations:read")),
    ("GET /.well-known/jwks.json", For::Anybody),
    ("GET /.well-known/oauth-authorization-server", For::Anybody),
    ("GET /.well-known/oauth-protected-resource", For::Anybody),
    ("GET /healthz", For::Anybody),
    ("GET /readyz", For::Anybody),
    ("GET /openapi.json", For::Anybody),
];

/// What a credential is, as far as a route can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Nothing,
    Person,
    Administrator,
    /// A client's token, with its scopes.
    Client(&'static str),
    ClientSecret,
    /// Good for nothing, by this reason.
    Bad(&'static str),
}

struct Credential {
    name: &'static str,
    is: Is,
    header: Option<String>,
}

/// All kinds, made anew for each route: some routes end sessions.
struct Kinds<'a> {
    server: &'a Server,
    signing: SigningKey,
    foreign: SigningKey,
    reader: crate::oauth::Client<'a>,
    plain: crate::oauth::Client<'a>,
    expired: String,
}

impl<'a> Kinds<'a> {
    async fn of(server: &'a Server) -> Self {
        let keys = server.accounts.keys().await.unwrap();
        let pem = server.accounts.export_key(&keys[0].key_id).await.unwrap();
        server.person("ada").await;
        server.administrator().await;
        Self {
            server,
            signing: SigningKey::from_pem(&pem).unwrap(),
            foreign: SigningKey::generate(Algorithm::Es256, &Random::system()).unwrap(),
            reader: server.client("reader").await,
            plain: server.client_as(NewClient::named("plain")).await,
            expired: server.sign_in("ada").await.access,
        }
    }

    /// Claims that would be ada's, or a client's with every scope, if only they were in the right envelope.
    fn claims(&self, like: &Person<'_>) -> Claims {
        let now = self.server.clock.now().as_seconds();
        Claims {
            iss: Some(ISSUER.to_owned()),
            aud: ISSUER.into(),
            iat: Some(now),
            jti: Some("1".to_owned()),
            sid: Some(like.session.clone()),
            generation: Some(0),
            scope: "revocations:read".into(),
            roles: ["admin"].into_iter().collect(),
            ..Claims::new(like.id.as_str(), now + 900)
        }
    }

    async fn all(&self) -> Vec<Credential> {
        let bearer = |(name, is, token): (&'static str, Is, String)| Credential {
            name,
            is,
            header: Some(format!("Bearer {token}")),
        };
        let basic = Credential {
            name: "a client's secret by Basic",
            is: Is::ClientSecret,
            header: Some(self.reader.basic()),
        };
        let nothing = Credential {
            name: "nothing",
            is: Is::Nothing,
            header: None,
        };
        let ada = self.server.sign_in("ada").await;
        let mut all = vec![basic, nothing];
        all.extend(self.good(&ada).await.map(bearer));
        all.extend(self.once_good(&ada).await.map(bearer));
        all.extend(self.forged(&ada).map(bearer));
        all
    }

    async fn good(&self, ada: &Person<'_>) -> [(&'static str, Is, String); 6] {
        let root = self.server.sign_in("root").await;
        let (through, _) = self.reader.session_of("ada").await;
        let all = Is::Client("posts:read revocations:read");
        let one = self.reader.token_with("&scope=posts:read").await;
        let none = self.plain.token().await;
        [
            ("a person's", Is::Person, ada.access.clone()),
            ("a person's, through a client", Is::Person, through),
            ("an administrator's", Is::Administrator, root.access),
            ("a client's", all, self.reader.token().await),
            ("a client's, of one scope", Is::Client("posts:read"), one),
            ("a client's, without scope", Is::Client(""), none),
        ]
    }

    /// Good once, or elsewhere, or for something else.
    async fn once_good(&self, ada: &Person<'_>) -> [(&'static str, Is, String); 8] {
        let gone = self.server.client("gone").await;
        let deleted = gone.token().await;
        let accounts = &self.server.accounts;
        accounts.delete_client(None, &gone.id).await.unwrap();
        let out = self.server.sign_in("ada").await;
        out.call("POST", "/v1/logout").await.expect(204);
        let (through, bound) = self.reader.session_for("ada", API).await;
        let for_api = self.reader.token_with(&format!("&resource={API}")).await;
        let bad = |name, reason, token: &str| (name, Is::Bad(reason), token.to_owned());
        [
            bad("a client's, for an API", "token_audience_wrong", &for_api),
            bad("a deleted client's", "token_revoked", &deleted),
            bad("signed out", "token_revoked", &out.access),
            bad("expired", "token_expired", &self.expired),
            bad("a refresh token", "access_token_needed", &ada.refresh),
            bad("a client's refresh token", "access_token_needed", &bound),
            bad(
                "a person's, through a client, for an API",
                "token_audience_wrong",
                &through,
            ),
            bad("a client's secret", "token_malformed", &self.reader.secret),
        ]
    }

    /// What somebody could hope to be taken for an access token.
    fn forged(&self, ada: &Person<'_>) -> [(&'static str, Is, String); 7] {
        let claims = self.claims(ada);
        let elsewhere = Claims {
            iss: Some("https://evil.example".to_owned()),
            ..claims.clone()
        };
        let legacy = SigningKey::hs256("a secret of thirty-two bytes, at the least").unwrap();
        let signed = |name, reason, key: &SigningKey, typ, claims: &Claims| {
            (name, Is::Bad(reason), key.issue_as(typ, claims).unwrap())
        };
        let (own, foreign) = (&self.signing, &self.foreign);
        [
            signed(
                "an event of the feed",
                "token_type_wrong",
                own,
                "secevent+jwt",
                &claims,
            ),
            signed("an ID token", "token_type_wrong", own, "JWT", &claims),
            signed(
                "another issuer's, by this key",
                "token_issuer_wrong",
                own,
                "at+jwt",
                &elsewhere,
            ),
            signed(
                "another key's",
                "token_key_unknown",
                foreign,
                "at+jwt",
                &claims,
            ),
            signed(
                "another issuer's",
                "token_key_unknown",
                foreign,
                "at+jwt",
                &elsewhere,
            ),
            signed(
                "a shared secret's",
                "token_key_unknown",
                &legacy,
                "JWT",
                &claims,
            ),
            ("garbage", Is::Bad("token_malformed"), "garbage".to_owned()),
        ]
    }
}

/// Why this credential is kept out there: the status and the code. `None`: it is let in.
fn kept_out(access: For, is: Is) -> Option<(u16, &'static str)> {
    let bearer = |refused: Option<(u16, &'static str)>| match is {
        Is::Bad(reason) => Some((401, reason)),
        // Another scheme is no token.
        Is::Nothing | Is::ClientSecret => Some((401, "token_missing")),
        _ => refused,
    };
    match (access, is) {
        (For::Anybody | For::SignIn, _)
        | (For::Clients, Is::ClientSecret)
        | (For::Administrators, Is::Administrator) => None,
        (For::Clients, _) => Some((401, "invalid_client")),
        (For::People, Is::Client(_)) => Some((401, "token_claim_missing")),
        (For::People, _) => bearer(None),
        (For::Administrators, _) => bearer(Some((403, "role_missing"))),
        (For::Scope(scope), Is::Client(has)) if has.split(' ').any(|one| one == scope) => None,
        (For::Scope(_), _) => bearer(Some((403, "scope_missing"))),
    }
}

/// The answer, of a stream its head alone.
async fn ask(server: &Server, route: &str, header: Option<&str>) -> Answer {
    let (method, path) = route.split_once(' ').expect("a method and a path");
    let target = path.replace("{id}", "1").replace("{kid}", "1");
    let mut request = Request::new(method, &target);
    if let Some(value) = header {
        request = request.header("authorization", value);
    }
    if path.starts_with("/oauth/") {
        request = request.raw(FORM, b"token=x&grant_type=none");
    } else if method != "GET" {
        request = request.json(&json!({}));
    }
    let mut wire = request.head.into_bytes();
    wire.extend_from_slice(format!("content-length: {}\r\n\r\n", request.body.len()).as_bytes());
    wire.extend_from_slice(&request.body);
    let mut stream = TcpStream::connect(server.address)
        .await
        .expect("a connection");
    stream.write_all(&wire).await.expect("it is sent");
    let mut received = Vec::new();
    let is_stream =
        |received: &[u8]| String::from_utf8_lossy(received).contains("text/event-stream");
    while stream.read_buf(&mut received).await.expect("an answer") > 0 {
        if received.windows(4).any(|part| part == b"\r\n\r\n") && is_stream(&received) {
            break;
        }
    }
    parse(&received)
}

fn code(answer: &Answer, route: &str) -> String {
    let pointer = if route.contains(" /oauth/") {
        "/error"
    } else {
        "/code"
    };
    answer.text(pointer)
}

#[tokio::test]
async fn everybody_is_let_in_just_where_they_may_be() {
    let server = Server::start().await;
    let document: serde_json::Value =
        serde_json::from_str(&keystile_server::openapi_document()).expect("JSON");
    let mut routes = Vec::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for method in operations.as_object().expect("operations").keys() {
            routes.push(format!("{} {path}", method.to_uppercase()));
        }
    }
    let kinds = Kinds::of(&server).await;
    server.advance(901);
    for route in &routes {
        let row = ROUTES.iter().find(|(known, _)| known == route);
        let (_, access) = row.unwrap_or_else(|| panic!("{route} has no row here: who may pass?"));
        let alone = ask(&server, route, None).await.status;
        for credential in kinds.all().await {
            let answer = ask(&server, route, credential.header.as_deref()).await;
            let shown = format!(
                "{route} with {}: {} {}",
                credential.name,
                answer.status,
                String::from_utf8_lossy(&answer.body)
            );
            assert!(answer.status < 500, "{shown}");
            match kept_out(*access, credential.is) {
                Some((status, reason)) => {
                    assert_eq!(answer.status, status, "{shown}");
                    assert_eq!(code(&answer, route), reason, "{shown}");
                    assert!(answer.header("www-authenticate").is_some(), "{shown}");
                }
                None if *access == For::Anybody => assert_eq!(answer.status, alone, "{shown}"),
                // A Basic header is a name and a password there; anything else cannot be read.
                None if *access == For::SignIn => {
                    assert!(matches!(answer.status, 400 | 401), "{shown}");
                }
                None => assert!(!matches!(answer.status, 401 | 403), "{shown}"),
            }
        }
    }
}
