"""Verifies an HS256 token with PyJWT, as any Python program that shares the secret would.

The secret and the token come on standard input, a line each. Prints the claims as JSON, or the name of PyJWT's exception.
"""

import json
import sys

import jwt

secret, token = sys.stdin.read().splitlines()
try:
    claims = jwt.decode(token, secret, algorithms=["HS256"], options={"require": ["exp", "iat", "jti", "sub"]})
except jwt.InvalidTokenError as refusal:
    print(type(refusal).__name__)
else:
    print(json.dumps(claims))
