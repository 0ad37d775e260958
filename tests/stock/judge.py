"""Asks the Python of docs/verify.md about mandates.

    python3 judge.py FOLDER_OF_VERIFY_PY

Reads cases from stdin, a JSON object a line. Answers each with a line: `ok <jti>`, or `refused <why>`.
"""

import json
import sys
import warnings
from typing import Any


def main(folder: str) -> None:
    sys.path.insert(0, folder)
    # joserfc says it once; the page says so too.
    warnings.filterwarnings("ignore", message="EdDSA is deprecated")
    from verify import verify

    def judge(case: dict[str, Any]) -> str:
        call = case.pop("request")
        request = (call["method"], call["target"], call["content_type"], call["body"].encode())
        try:
            claims = verify(case.pop("token"), case.pop("typ"), request=request, **case)
        except Exception as error:  # the page: whatever it raises is a refusal
            return f"refused {' '.join(str(error).split())}"
        return f"ok {claims['jti']}"

    for line in sys.stdin:
        print(judge(json.loads(line)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
