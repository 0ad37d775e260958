"""Verifies an export and a proof by docs/journal.md alone.

    python3 journal.py ORIGIN KEY_X PEER_X EXPORT PROOF

ORIGIN names the log; KEY_X and PEER_X are public keys as the `x` of a JWK: the log's owner's and its counterpart's.
Prints `export <size> <tokens>` and `proof <seq> <tokens>`, or ends with what is wrong.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any, Iterator

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TOKENS = ("cart", "earlier", "intent", "mandate", "receipt", "token")


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unurl(text: str) -> bytes:
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert url(data) == text, "base64url in its one spelling"
    return data


def leaf(entry: bytes) -> bytes:
    return sha(b"\0" + entry)


def node(left: bytes, right: bytes) -> bytes:
    return sha(b"\1" + left + right)


def root(hashes: list[bytes]) -> bytes:
    """RFC 9162, section 2.1.1."""
    if len(hashes) == 1:
        return hashes[0]
    half = 1 << ((len(hashes) - 1).bit_length() - 1)
    return node(root(hashes[:half]), root(hashes[half:]))


def checkpoint(note: str, origin: str, key: bytes) -> tuple[int, bytes]:
    text, _, signatures = note.rpartition("\n\n")
    text += "\n"
    name, size, top = text.splitlines()
    assert name == origin, f"a checkpoint of {name}"
    key_id = sha(origin.encode() + b"\n\x01" + key)[:4]
    for line in signatures.splitlines():
        dash, signer, data = line.split(" ")
        signature = base64.b64decode(data, validate=True)
        if dash == "\u2014" and signer == origin and signature[:4] == key_id:
            Ed25519PublicKey.from_public_bytes(key).verify(signature[4:], text.encode())
            return int(size), base64.b64decode(top, validate=True)
    raise AssertionError("no signature of the key that is known")


def path(kind: str, index: int, width: int) -> str:
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    groups = ["x" + group for group in groups[:-1]] + groups[-1:]
    return f"tile/{kind}/" + "/".join(groups) + ("" if width == 256 else f".p/{width}")


def tiles(count: int) -> Iterator[tuple[int, int]]:
    for index in range(-(-count // 256)):
        yield index, min(256, count - index * 256)


def read_entries(folder: Path, size: int) -> list[bytes]:
    entries: list[bytes] = []
    for index, width in tiles(size):
        bundle = (folder / path("entries", index, width)).read_bytes()
        for _ in range(width):
            length = int.from_bytes(bundle[:2], "big")
            assert len(bundle) >= 2 + length, f"entry {len(entries)} is cut off"
            entries.append(bundle[2 : 2 + length])
            bundle = bundle[2 + length :]
        assert not bundle, "bytes after the last entry"
    return entries


def check_tiles(folder: Path, leaves: list[bytes]) -> None:
    level, nodes = 0, leaves
    while nodes:
        for index, width in tiles(len(nodes)):
            expected = b"".join(nodes[index * 256 : index * 256 + width])
            assert (folder / path(str(level), index, width)).read_bytes() == expected, "a tile"
        full = len(nodes) // 256
        level, nodes = level + 1, [root(nodes[at * 256 : at * 256 + 256]) for at in range(full)]


def token(compact: str, key: bytes) -> dict[str, Any]:
    header, payload, signature = compact.split(".")
    signed = f"{header}.{payload}".encode()
    Ed25519PublicKey.from_public_bytes(key).verify(unurl(signature), signed)
    claims: dict[str, Any] = json.loads(unurl(payload))
    assert list(claims)[-1] == "log", "the head comes last"
    return claims


def thumbprint(key: bytes) -> str:
    """RFC 7638."""
    return url(sha(f'{{"crv":"Ed25519","kty":"OKP","x":"{url(key)}"}}'.encode()))


def held(entry: dict[str, Any], key: bytes) -> list[dict[str, Any]]:
    found = [entry[name] for name in TOKENS if isinstance(entry.get(name), str)]
    return [token(compact, key) for compact in found]


def export(folder: Path, origin: str, key: bytes, peer: bytes) -> None:
    size, signed = checkpoint((folder / "checkpoint").read_text(), origin, key)
    entries = read_entries(folder, size)
    assert len(entries) == size
    prev, leaves, tokens, heads = "", [], 0, {}
    for seq, data in enumerate(entries):
        entry = json.loads(data)
        assert list(entry)[:4] == ["seq", "time", "kind", "prev"], f"entry {seq}"
        assert entry["seq"] == seq and entry["prev"] == prev, f"entry {seq} does not follow"
        prev = url(sha(data))
        leaves.append(leaf(data))
        if "header" in entry and "claims" in entry:
            assert entry["header"]["kid"] == thumbprint(key), f"entry {seq} is under another key"
            heads[seq + 1] = url(root(leaves))
        for claims in held(entry, peer):
            tokens += 1
            if "peer_log" in claims:
                head = claims["peer_log"]
                assert heads[head["size"]] == head["root"], f"entry {seq} answers another log"
    assert root(leaves) == signed, "another root than the signed one"
    check_tiles(folder, leaves)
    print("export", size, tokens)


def included(data: bytes, index: int, size: int, hashes: list[bytes], top: bytes) -> bool:
    """RFC 9162, section 2.1.3.2."""
    last, at, found = size - 1, index, leaf(data)
    for sibling in hashes:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node(sibling, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node(found, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and found == top


def proof(file: Path, origin: str, key: bytes, peer: bytes) -> None:
    head, _, note = file.read_text().partition("\n\n")
    version, extra, index, *hashes = head.split("\n")
    assert version == "c2sp.org/tlog-proof@v1" and extra.startswith("extra ")
    size, top = checkpoint(note, origin, key)
    said = json.loads(base64.b64decode(extra.removeprefix("extra "), validate=True))
    data, seq = said["entry"].encode(), int(index.removeprefix("index "))
    path_hashes = [base64.b64decode(line, validate=True) for line in hashes]
    assert included(data, seq, size, path_hashes, top), "not in the log"
    entry = json.loads(data)
    assert entry["seq"] == seq
    assert entry["header"]["kid"] == thumbprint(key), "under another key"
    beside = held(entry, peer) + [token(compact, peer) for compact in said["tokens"]]
    for claims in beside:
        assert claims["iss"] == entry["claims"]["aud"] and claims["aud"] == entry["claims"]["iss"]
    print("proof", seq, len(beside))


def main(origin: str, key: str, peer: str, folder: str, file: str) -> None:
    keys = unurl(key), unurl(peer)
    export(Path(folder), origin, *keys)
    proof(Path(file), origin, *keys)


if __name__ == "__main__":
    main(*sys.argv[1:])
