"""Does what a client of a Keystile server does, by Authlib: finds the server, gets a token for itself, refreshes a person's session,
asks about both, gives both back.

Arguments: the issuer's URL, the way to authenticate. Standard input: JSON with `id`, `secret` and `refresh`, a refresh token. Prints
one JSON object of what came of it.
"""

import json
import sys

import jwt
import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url


def main() -> None:
    issuer, method = sys.argv[1:3]
    given = json.load(sys.stdin)
    server = AuthorizationServerMetadata(requests.get(get_well_known_url(issuer, external=True), timeout=30).json())
    for said in ("token_endpoint_auth_methods_supported", "grant_types_supported", "scopes_supported"):
        getattr(server, "validate_" + said)()
    assert method in server.token_endpoint_auth_methods_supported

    def session(secret):
        return OAuth2Session(
            given["id"],
            secret,
            token_endpoint_auth_method=method,
            revocation_endpoint_auth_method=method,
            scope="revocations:read",
        )

    client = session(given["secret"])
    token_endpoint = server["token_endpoint"]
    own = client.fetch_token(token_endpoint, grant_type="client_credentials", resource=issuer)
    key = jwt.PyJWKClient(server["jwks_uri"]).get_signing_key_from_jwt(own["access_token"])
    claims = jwt.decode(own["access_token"], key, algorithms=["ES256"], issuer=issuer, audience=issuer)

    # The tokens of a sign-in have no scope, so none is asked for.
    person = session(given["secret"])
    person.scope = None
    refreshed = person.refresh_token(token_endpoint, refresh_token=given["refresh"])

    def introspect(token):
        return client.introspect_token(server["introspection_endpoint"], token=token).json()

    def refusal(secret, **parameters):
        try:
            session(secret).fetch_token(token_endpoint, grant_type="client_credentials", **parameters)
        except OAuthError as error:
            return error.error
        return None

    before = [introspect(own["access_token"])["active"], introspect(refreshed["refresh_token"])["active"]]
    username = introspect(refreshed["access_token"])["username"]
    for token in (own["access_token"], refreshed["refresh_token"]):
        answer = client.revoke_token(server["revocation_endpoint"], token=token)
        answer.raise_for_status()
    after = [own["access_token"], refreshed["refresh_token"], refreshed["access_token"]]
    print(
        json.dumps(
            {
                "sub": claims["sub"],
                "scope": own["scope"],
                "rotated": refreshed["refresh_token"] != given["refresh"],
                "username": username,
                "before": before,
                "after": [introspect(token)["active"] for token in after],
                "refused": [refusal(given["secret"], scope="admin"), refusal("ksc_wrong")],
            }
        )
    )


main()
