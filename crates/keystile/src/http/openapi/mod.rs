//! What an `OpenAPI` document says of a guard: where a token may stand, which routes want one, how a refusal is answered.

mod operation;
mod responses;
mod schemes;

use std::fmt;

use utoipa::Modify;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::SecurityScheme;

use self::responses::Refusals;
use self::schemes::Schemes;
use crate::Guard;

/// The name that routes give their requirement, unless [`ApiSecurity::named`] says another.
const NAME: &str = "guard";

/// What an `OpenAPI` document says of a guard. Made by [`Guard::openapi`]; put into a document by its [`Modify`].
///
/// A route that the guard guards says `security(("guard" = []))`, or `("guard" = ["cakes:read"])` where it asks for a scope or a role. In
/// the place of that requirement come the guard's own places, one of which is enough: `guard_header`, `guard_cookie` (on
/// methods that are checked with the CSRF token, `guard_csrf`, beside it), `guard_query` (on GET and HEAD). Each such route gets the answers to
/// refusals that it does not describe itself: 400, 401, 403 and 503, and 408 and 413 where bodies are read, as references to
/// `#/components/responses/guard_401` and so on, which list the codes of the reasons.
///
/// ```
/// use keystile::Guard;
/// use utoipa::{Modify, OpenApi};
///
/// #[utoipa::path(get, path = "/cakes", security(("guard" = ["cakes:read"])), responses((status = 200, description = "All of them.")))]
/// # #[allow(dead_code)]
/// async fn cakes() {}
///
/// #[derive(OpenApi)]
/// #[openapi(paths(cakes))]
/// struct Cakes;
///
/// let guard = Guard::hs256([7; 32])?.token_from_query("token");
/// let mut document = Cakes::openapi();
/// guard.openapi().modify(&mut document);
///
/// let document = serde_json::to_value(&document).unwrap();
/// assert_eq!(document["components"]["securitySchemes"]["guard_header"]["scheme"], "bearer");
/// let cakes = &document["paths"]["/cakes"]["get"];
/// assert_eq!(cakes["security"][1]["guard_query"][0], "cakes:read");
/// assert_eq!(cakes["responses"]["401"]["$ref"], "#/components/responses/guard_401");
/// # Ok::<(), keystile::KeyError>(())
/// ```
///
/// `OpenAPI` has no scheme for a token in a body: the operation's own request body describes that field. Where a guard looks nowhere
/// else, the requirement becomes `{}`, which asks for no scheme.
#[derive(Clone)]
pub struct ApiSecurity {
    name: Box<str>,
    schemes: Schemes,
    refusals: Refusals,
}

impl Guard {
    /// What an `OpenAPI` document says of this guard, as it is now: of what is changed later it knows nothing.
    pub fn openapi(&self) -> ApiSecurity {
        ApiSecurity {
            name: NAME.into(),
            schemes: Schemes::of(self),
            refusals: Refusals::of(self),
        }
    }
}

impl ApiSecurity {
    /// What routes call the requirement, and what the names of its components begin with; for a document with several guards. `guard`
    /// unless said. Letters, digits, `.`, `-` and `_` stand in one; anything else is left out.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        let stands = |c: &char| c.is_ascii_alphanumeric() || ".-_".contains(*c);
        let name: String = name.chars().filter(stands).collect();
        if !name.is_empty() {
            self.name = name.into();
        }
        self
    }

    /// Says besides how clients come by the token that they then send in the header: an `OAuth2` scheme with the issuer's flows, say. `place`
    /// ends the scheme's name: `guard_oauth2` for `oauth2`. An alternative to `guard_header`, wherever that is one.
    ///
    /// ```
    /// use keystile::Guard;
    /// use utoipa::openapi::security::{ClientCredentials, Flow, OAuth2, Scopes, SecurityScheme};
    ///
    /// let scopes = Scopes::from_iter([("cakes:read", "look at cakes")]);
    /// let flow = ClientCredentials::new("https://login.example.com/oauth/token", scopes);
    /// let scheme = SecurityScheme::OAuth2(OAuth2::new([Flow::ClientCredentials(flow)]));
    /// let security = Guard::hs256([7; 32])?.openapi().also_by("oauth2", scheme);
    /// # Ok::<(), keystile::KeyError>(())
    /// ```
    #[must_use]
    pub fn also_by(mut self, place: &str, scheme: SecurityScheme) -> Self {
        self.schemes.also_by(place, scheme);
        self
    }

    /// Says of every issuer that is followed that it is a provider of `OpenID` Connect, whose `/.well-known/openid-configuration`
    /// tells clients how to come by a token: schemes `guard_openid`, `guard_openid2` and so on. Not for a Keystile server, which
    /// publishes the metadata of RFC 8414 alone.
    #[must_use]
    pub fn by_open_id_connect(mut self) -> Self {
        self.schemes.by_open_id_connect();
        self
    }
}

impl Modify for ApiSecurity {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        for (place, scheme) in self.schemes.named() {
            components.add_security_scheme(format!("{}_{place}", self.name), scheme.clone());
        }
        for (status, response) in self.refusals.by_status() {
            let name = format!("{}_{status}", self.name);
            components.responses.insert(name, response.clone().into());
        }
        operation::describe(self, document);
    }
}

impl fmt::Debug for ApiSecurity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places: Vec<&str> = self.schemes.named().map(|(place, _)| place).collect();
        f.debug_struct("ApiSecurity")
            .field("name", &self.name)
            .field("places", &places)
            .finish_non_exhaustive()
    }
}
