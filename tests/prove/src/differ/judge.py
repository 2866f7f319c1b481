"""Judges tokens with PyJWT, as an API would that takes them from one issuer.

The first line of standard input says the keys, the issuer and the audience. Each line after it is a list of tokens, and is
answered with a list: for each token `=` and its subject, or the name of the exception.
"""

import json
import sys
import warnings

import jwt

warnings.simplefilter("ignore")
setup = json.loads(sys.stdin.readline())
keys = [jwt.PyJWK(key) for key in setup["keys"]]
by_id = {key.key_id: key for key in keys}
by_algorithm = {key.algorithm_name: key for key in keys}


def judge(token: str) -> str:
    try:
        header = jwt.get_unverified_header(token)
        key = by_algorithm[header["alg"]] if header.get("kid") is None else by_id[header["kid"]]
        claims = jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            issuer=setup["issuer"],
            audience=setup["audience"],
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
        return "=" + claims["sub"].encode("utf-8", "replace").decode()
    except Exception as refusal:
        return type(refusal).__name__


for line in sys.stdin:
    print(json.dumps([judge(token) for token in json.loads(line)]), flush=True)
