"""Verifies one access token with PyJWT, as a Python API that trusts a Keystile server would.

Arguments: the issuer's URL, the algorithm. The token comes on standard input. Prints the claims as JSON, or
`refused: ` and the name of PyJWT's exception.
"""

import json
import sys

import jwt


def main() -> None:
    issuer, algorithm = sys.argv[1:3]
    token = sys.stdin.read().strip()
    try:
        key = jwt.PyJWKClient(issuer + "/.well-known/jwks.json").get_signing_key_from_jwt(token)
        claims = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=issuer,
            audience=issuer,
            options={"require": ["exp", "iat", "iss", "aud", "sub", "jti"]},
        )
    except jwt.InvalidTokenError as refusal:
        print("refused:", type(refusal).__name__)
    else:
        print(json.dumps(claims))


main()
