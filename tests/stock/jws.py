"""Judges tests/vectors/jws_eddsa.json with joserfc, as a plain JWT library does.

    python3 jws.py FILE

A case is a JWT under the one key of its group, which is found by its kid. Times play no part. Answers each case with a
line: `ID accepted`, or `ID refused ERROR`.
"""

import json
import sys
import warnings

from joserfc import jwt
from joserfc.jwk import KeySet


def main(file: str, *_: str) -> None:
    warnings.filterwarnings("ignore", message="EdDSA is deprecated")
    with open(file, encoding="utf-8") as text:
        groups = json.load(text)["testGroups"]
    for group in groups:
        keys = KeySet.import_key_set({"keys": [group["public"]]})
        for test in group["tests"]:
            try:
                jwt.decode(test["jws"], keys, algorithms=["EdDSA", "Ed25519"])
            except Exception as error:  # whatever is raised is a refusal
                print(test["tcId"], "refused", type(error).__name__)
            else:
                print(test["tcId"], "accepted")


if __name__ == "__main__":
    main(*sys.argv[1:])
