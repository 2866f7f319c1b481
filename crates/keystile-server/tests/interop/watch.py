"""Verifies access tokens with PyJWT while the server's keys turn, as a Python API with its cache on.

Arguments: the issuer's URL, how many seconds the key set is kept, and, where it is another, the URL of the node that is
asked for it. A token a line on standard input; a line each on
standard output: `ok`, or why not. A key that is not in the kept set is not asked for again before the set is too old.
"""

import sys

import jwt


def main() -> None:
    issuer, seconds = sys.argv[1], float(sys.argv[2])
    node = sys.argv[3] if len(sys.argv) > 3 else issuer
    client = jwt.PyJWKClient(node + "/.well-known/jwks.json", cache_jwk_set=True, lifespan=seconds)
    for line in sys.stdin:
        token = line.strip()
        try:
            kid = jwt.get_unverified_header(token)["kid"]
            key = next((key for key in client.get_signing_keys() if key.key_id == kid), None)
            if key is None:
                print("refused: no such key in the kept set", flush=True)
                continue
            jwt.decode(token, key, algorithms=["ES256", "EdDSA", "RS256"], issuer=issuer, audience=issuer)
        except jwt.PyJWTError as refusal:
            print("refused:", type(refusal).__name__, flush=True)
        else:
            print("ok", flush=True)


main()
