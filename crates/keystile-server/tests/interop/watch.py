"""Verifies access tokens with PyJWT while the server's keys turn, as a Python API with its cache on.

Arguments: the issuer's URL and how many seconds the key set is kept. A token a line on standard input; a line each on
standard output: `ok`, or why not. A key that is not in the kept set is not asked for again before the set is too old.
"""

import sys

import jwt


def main() -> None:
    issuer, seconds = sys.argv[1], float(sys.argv[2])
    client = jwt.PyJWKClient(issuer + "/.well-known/jwks.json", cache_jwk_set=True, lifespan=seconds)
    for line in sys.stdin:
        token = line.strip()
        try:
            kid = jwt.get_unverified_header(token)["kid"]
            key = next((key for key in client.get_signing_keys() if key.key_id == kid), None)
            if key is None:
                print("refused: no such key in the kept set", flush=True)
                continue
            jwt.decode(token, key, algorithms=["ES256", "EdDSA"], issuer=issuer, audience=issuer)
        except jwt.PyJWTError as refusal:
            print("refused:", type(refusal).__name__, flush=True)
        else:
            print("ok", flush=True)


main()
