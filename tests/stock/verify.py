"""How a merchant checks a mandate offline, with a stock library: PyJWT or joserfc.

    python3 verify.py pyjwt|joserfc

Reads cases from stdin, a JSON object a line with `token`, the principal's public `jwk`, and the expected `typ`, `iss`
and `aud`. Answers each with a line: `ok <jti>`, or `refused <error>`.

A mandate is used once. What a library cannot know is whether this one was used before.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import joserfc.jwt
import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

ALGORITHMS = ["EdDSA"]
REQUIRED = ["iss", "aud", "jti", "iat", "exp"]
SKEW_S = 30

Claims = dict[str, Any]


class WrongType(Exception):
    """The token is of another kind; neither library checks `typ` by itself."""


def by_pyjwt(token: str, jwk: dict[str, str], typ: str, iss: str, aud: str) -> Claims:
    decoded = jwt.decode_complete(
        token,
        jwt.PyJWK(jwk, algorithm="EdDSA"),
        algorithms=ALGORITHMS,
        issuer=iss,
        audience=aud,
        leeway=SKEW_S,
        options={"require": REQUIRED, "strict_aud": True},
    )
    if decoded["header"].get("typ") != typ:
        raise WrongType
    return decoded["payload"]


def by_joserfc(token: str, jwk: dict[str, str], typ: str, iss: str, aud: str) -> Claims:
    decoded = joserfc.jwt.decode(token, OKPKey.import_key(jwk), algorithms=ALGORITHMS)
    if decoded.header.get("typ") != typ:
        raise WrongType
    expected: dict[str, Any] = {name: {"essential": True} for name in REQUIRED}
    expected["iss"]["value"] = iss
    expected["aud"]["value"] = aud
    joserfc.jwt.JWTClaimsRegistry(leeway=SKEW_S, **expected).validate(decoded.claims)
    return decoded.claims


def main(library: str) -> None:
    verify: Callable[..., Claims] = {"pyjwt": by_pyjwt, "joserfc": by_joserfc}[library]
    for line in sys.stdin:
        try:
            print("ok", verify(**json.loads(line))["jti"])
        except (WrongType, jwt.InvalidTokenError, JoseError) as error:
            print("refused", type(error).__name__)


if __name__ == "__main__":
    main(*sys.argv[1:])
