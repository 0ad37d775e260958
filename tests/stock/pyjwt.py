"""Reads mandates with PyJWT: a library of which docs/verify.md makes no use reads them as well.

    python3 pyjwt.py

Takes the cases of judge.py and answers as it does, but knows of the signature and of the registered claims alone.
"""

import json
import sys
from typing import Any

import jwt

SKEW_S = 30


def judge(case: dict[str, Any]) -> str:
    try:
        claims = jwt.decode(
            case["token"],
            jwt.PyJWK(case["keys"][0], algorithm="EdDSA"),
            algorithms=["EdDSA"],
            issuer=case["principal"],
            audience=case["merchant"],
            leeway=SKEW_S,
            options={"require": ["iss", "aud", "jti", "iat", "exp"], "strict_aud": True},
        )
    except jwt.InvalidTokenError as error:
        return f"refused {type(error).__name__}"
    return f"ok {claims['jti']}"


for line in sys.stdin:
    print(judge(json.loads(line)), flush=True)
