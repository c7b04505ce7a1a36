"""Check an exported Overt ledger without Overt: one file, for whoever takes nobody's word.

    python outsider.py FOLDER --key VKEY [--witness VKEY]... [--quorum N] [--previous FILE] [--json]

It needs Python 3.11 or later and the package ``cryptography``; it reads FOLDER, writes nothing and
opens no connection. VKEY is a public key, FILE a signed checkpoint that somebody kept earlier: both
must come from somewhere else than FOLDER. It checks in this order, and stops at what does not fit:

1. the checkpoint is in form and signed by the log's key, and the witnesses named cosigned it;
2. the earlier checkpoint is signed by the same key, and not for more records;
3. the folder holds every file that a log of this size has, and no other;
4. every record is canonical JSON in its envelope, and its hash stands in its place in the tiles;
5. the first records are those that the earlier checkpoint was signed for;
6. every tile of a higher level follows from those below it, and the root is the one signed.

Exit codes: 0 it all holds; 1 it does not, and the first finding is told; 2 wrong usage. What a
record says of itself and does not add up is told as an observation: it is authentic all the same.
It cannot show that a record is true, that everything that happened was recorded, or, without
witnesses or an earlier checkpoint, that nobody was shown another history.

Invariants: shares no code with what writes the ledger (docs/adr/0015); docs/specs/ledger.md is what
both implement. Must not: repair, guess, or go on after a finding.
"""

import argparse
import base64
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

WIDTH, HASH_BYTES = 256, 32  # hashes of a full tile and records of a full bundle; SHA-256
MAX_NOTE_BYTES, MAX_SIGNATURES, MAX_BUNDLE_BYTES = 1 << 20, 100, WIDTH * (2 + 0xFFFF)
MAX_INTEGER, MAX_DEPTH = 2**53 - 1, 32
LOG_TYPE, WITNESS_TYPE = b"\x01", b"\x04"
NAME = r"([^\s+\x00-\x1f]+)"  # of a key
KEY = re.compile(rf"{NAME}\+([0-9a-f]{{8}})\+(.+)")
SIGNATURE = re.compile(rf"\u2014 {NAME} (.+)")
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
SIZE = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
TIME = re.compile(r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):\d\d:\d\d\.\d{3}Z", re.ASCII)
MEMBERS = {"body": dict, "kind": str, "time_utc": str, "version": int}  # of a record
FACES = (("detected", "rejected", "compared"), ("compared", "alerted", "erased"))  # a = b + c
TO_ZEROS = bytes.maketrans(b"123456789", b"000000000")  # shows where 16 digits follow each other
# A float is read as a string, so that writing it again gives other bytes than those that came.
DECODE = json.JSONDecoder(parse_float=str, parse_constant=str).decode
FORM: Any = {"ensure_ascii": False, "separators": (",", ":"), "check_circular": False}
ENCODE = json.JSONEncoder(**FORM).encode
ENCODE_SORTED = json.JSONEncoder(**FORM, sort_keys=True).encode


@dataclass
class Finding(Exception):  # noqa: N818 - found in a log; nothing of this program went wrong
    """The first thing that does not fit, and which file or record (counted from 0) shows it.

    The code is one of checkpoint, signature, cosignature, previous, missing, extra, bundle, record,
    hash, tile and root.
    """

    code: str
    says: str
    path: str | None = None
    record: int | None = None


class Key(NamedTuple):
    """An Ed25519 public key; name and id say in a note which key signed."""

    name: str
    id: bytes
    public: bytes

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Return whether the key made this signature over this message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True


def parse_key(text: str, wanted: bytes) -> Key:
    """Read a key of the type ``wanted``, written name+id+base64(type || key)."""
    parts = KEY.fullmatch(text)
    data = b"" if parts is None else strict_base64(parts[3])
    id_ = b"" if parts is None else sha256(parts[1].encode() + b"\n" + data).digest()[:4]
    if parts is None or id_.hex() != parts[2] or data[:1] != wanted or len(data) != 33:
        raise ValueError(f"A key of the type {wanted.hex()} is needed, in the form name+id+key.")
    return Key(parts[1], id_, data[1:])


class Checkpoint(NamedTuple):
    """A signed tree head; ``lines`` are the name, and key id with signature, of each who signed."""

    text: str
    origin: str
    size: int
    root: bytes
    lines: list[tuple[str, bytes]]

    def by(self, key: Key) -> list[bytes]:
        """Return the signatures that claim to be of a key."""
        return [data[4:] for name, data in self.lines if (name, data[:4]) == (key.name, key.id)]


def parse_checkpoint(data: bytes) -> Checkpoint:
    """Take a checkpoint apart."""
    text, _, signatures = data.decode("utf-8").rpartition("\n\n")
    lines, (*signed, end) = text.split("\n"), signatures.split("\n")
    if len(data) > MAX_NOTE_BYTES or len(signed) > MAX_SIGNATURES or CONTROL.search(text):
        raise ValueError("it is too large, or holds control characters")
    if len(lines) < 3 or not all(lines) or SIZE.fullmatch(lines[1]) is None:
        raise ValueError("its lines are not origin, size and root")
    root, matches = strict_base64(lines[2]), [SIGNATURE.fullmatch(line) for line in signed]
    by = [(parts[1], strict_base64(parts[2])) for parts in matches if parts]
    if len(root) != HASH_BYTES or end or None in matches or any(len(each) <= 4 for _, each in by):
        raise ValueError("its root is no digest, or a line under the text no signature")
    return Checkpoint(f"{text}\n", lines[0], int(lines[1]), root, by)


def strict_base64(text: str) -> bytes:
    """Decode base64 in its only form."""
    data = base64.b64decode(text.encode("ascii"), validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("it holds base64 that is not in its only form")
    return data


def open_checkpoint(data: bytes, log: Key, code: str, path: str | None) -> Checkpoint:
    """Return a checkpoint that is in form and signed by the log."""
    try:
        checkpoint = parse_checkpoint(data)
    except ValueError as error:
        raise Finding(code, f"The checkpoint is not in form: {error}.", path) from error
    signatures = checkpoint.by(log)
    if not signatures or not all(log.signed(checkpoint.text.encode(), s) for s in signatures):
        raise Finding("signature", "The checkpoint is not signed by the log's key.", path)
    if checkpoint.origin != log.name:
        raise Finding(code, "The checkpoint is of another log.", path)
    return checkpoint


def check_cosignatures(checkpoint: Checkpoint, witnesses: list[Key], quorum: int) -> list[Any]:
    """Return which witnesses cosigned, and when by their clocks, in seconds since 1970."""
    said: dict[bytes, dict[str, Any]] = {}
    for witness in witnesses:
        for data in checkpoint.by(witness):
            time_s = int.from_bytes(data[:8], "big")
            message = f"cosignature/v1\ntime {time_s}\n{checkpoint.text}".encode()
            if time_s >= 1 << 63 or not witness.signed(message, data[8:]):
                raise Finding("cosignature", f"{witness.name} did not sign that.", "checkpoint")
            said[witness.public] = {"name": witness.name, "time_s": time_s}
    if len(said) < quorum:
        raise Finding("cosignature", f"{len(said)} of {quorum} witnesses cosigned.", "checkpoint")
    return list(said.values())


def peaks(hashes: Sequence[bytes]) -> list[bytes]:
    """Return the roots of the largest complete subtrees over ``hashes``, from left to right."""
    tops: list[bytes] = []
    for n_before, leaf in enumerate(hashes):
        top, bits = leaf, n_before
        while bits & 1:
            top, bits = sha256(b"\x01" + tops.pop() + top).digest(), bits >> 1
        tops.append(top)
    return tops


def root_over(full: Sequence[bytes], rest: Sequence[bytes]) -> bytes:
    """Return the root over leaves: the roots of full tiles of them, and those behind."""
    tops = peaks(full) + peaks(rest) or [sha256(b"").digest()]
    while len(tops) > 1:
        right, left = tops.pop(), tops.pop()
        tops.append(sha256(b"\x01" + left + right).digest())
    return tops[0]


def tile_path(level: str, index: int, width: int) -> str:
    """Return where a tile lies; a bundle of records is on the level ``entries``."""
    groups = re.findall("...", str(index).zfill(-(-len(str(index)) // 3) * 3))
    path = "/".join([f"tile/{level}", *("x" + group for group in groups[:-1]), groups[-1]])
    return path if width == WIDTH else f"{path}.p/{width}"


def tiles(n_hashes: int) -> Iterator[tuple[int, int]]:
    """Yield index and width of each tile of a level of so many hashes."""
    for index in range(-(-n_hashes // WIDTH)):
        yield index, min(WIDTH, n_hashes - index * WIDTH)


def check_files(folder: Path, size: int) -> None:
    """Check that the files are those of a log of so many records: all, plain, and no others."""
    found = {entry.relative_to(folder).as_posix(): entry for entry in folder.rglob("*")}
    levels = [("entries", size), *((str(level), size >> 8 * level) for level in range(8))]
    wanted = (tile_path(level, *each) for level, n_hashes in levels for each in tiles(n_hashes))
    for path in chain(["checkpoint"], wanted):
        entry = found.pop(path, None)
        if entry is None or entry.is_symlink() or not entry.is_file():
            raise Finding("missing", f"{path} is missing.", path)
    for path, entry in sorted(found.items()):
        if entry.is_symlink() or not entry.is_dir():
            raise Finding("extra", f"{path!a} is no file of this log.", ascii(path)[1:-1])


def read(folder: Path, path: str, max_bytes: int) -> bytes:
    """Return a file's bytes, and one too many of a file that is too long."""
    try:
        with (folder / path).open("rb") as file:
            return file.read(max_bytes + 1)
    except OSError as error:
        raise Finding("missing", f"{path} cannot be read.", path) from error


def read_bundle(folder: Path, index: int, width: int) -> Iterator[tuple[int, bytes]]:
    """Yield number and bytes of each record of a bundle: they stand behind their length."""
    path = tile_path("entries", index, width)
    data, at = read(folder, path, MAX_BUNDLE_BYTES), 0
    for number in range(index * WIDTH, index * WIDTH + width):
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        if at > len(data):
            raise Finding("bundle", f"{path} ends before record {number} does.", path, number)
        yield number, data[start:at]
    if at != len(data):
        raise Finding("bundle", f"{path} holds more than {width} records.", path)


def check_tile(folder: Path, level: int, index: int, hashes: Sequence[bytes]) -> None:
    """Check that a tile holds these hashes, which were computed from what lies below it."""
    path = tile_path(str(level), index, len(hashes))
    data = read(folder, path, WIDTH * HASH_BYTES)
    if data == b"".join(hashes):
        return
    at = next(n for n, each in enumerate([*hashes, b""]) if data[n * 32 : n * 32 + 32] != each)
    says = f"Hash {at} of {path} does not follow from what lies below it."
    if level == 0 and at < len(hashes):
        raise Finding("hash", says, path, index * WIDTH + at)
    raise Finding("tile", says, path)


def parse_record(data: bytes) -> dict[str, Any]:
    """Return a record's members."""
    record, encode = DECODE(data.decode("utf-8")), ENCODE_SORTED
    n_nested, has_long = data.count(b"{") + data.count(b"["), b"0" * 16 in data.translate(TO_ZEROS)
    if not data.isascii() or n_nested > MAX_DEPTH or has_long:
        check_value(record, 0)
        encode = ENCODE  # Python would sort by code points, where canonical JSON does by UTF-16
    if encode(record).encode("utf-8") != data:
        raise ValueError("it is not in its only form")
    if not isinstance(record, dict) or record.keys() != MEMBERS.keys():
        raise ValueError("its members are not body, kind, time_utc and version")
    if any(type(record[name]) is not each for name, each in MEMBERS.items()):
        raise ValueError("one of its members is of another type")
    if TIME.fullmatch(record["time_utc"]) is None or record["version"] != 1:
        raise ValueError("its time is not in UTC with milliseconds, or its version not 1")
    datetime.fromisoformat(record["time_utc"])  # a ValueError where there is no such time
    return record


def check_value(value: Any, depth: int) -> None:
    """Check the depth, the size of integers, and the order of members."""
    if depth > MAX_DEPTH:
        raise ValueError("it is nested too deeply")
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise ValueError("it holds an integer of more than 53 bits")
    if isinstance(value, dict):
        if list(value) != sorted(value, key=lambda name: name.encode("utf-16-be")):
            raise ValueError("its members are not in order")
        value = list(value.values())
    for each in value if isinstance(value, list) else ():
        check_value(each, depth + 1)


def observed(record: dict[str, Any], latest_utc: str) -> Iterator[str]:
    """Yield what does not add up in what a record says of itself."""
    if record["time_utc"] < latest_utc:
        yield f"its time is before {latest_utc}, which an earlier record has"
    if record["kind"] == "run.stopped":
        n = record["body"].get("totals")
        try:
            whole = all(n[f"faces_{a}"] == n[f"faces_{b}"] + n[f"faces_{c}"] for a, b, c in FACES)
        except (KeyError, TypeError):
            whole = False
        if not whole:
            yield "the totals of the run leave faces unaccounted for"


def check(
    folder: Path,
    log_key: str,
    witness_keys: Sequence[str] = (),
    *,
    quorum: int | None = None,
    previous: bytes | None = None,
    progress: Callable[[int, int], None] = lambda _n_read, _n_all: None,
) -> dict[str, Any]:
    """Return what an export is, or raise a Finding; a key that is none is a ValueError."""
    log = parse_key(log_key, LOG_TYPE)
    witnesses = [parse_key(key, WITNESS_TYPE) for key in witness_keys]
    data = read(folder, "checkpoint", MAX_NOTE_BYTES)
    head = open_checkpoint(data, log, "checkpoint", "checkpoint")
    needed = len({key.public for key in witnesses}) if quorum is None else quorum
    cosigned = check_cosignatures(head, witnesses, needed)
    earlier = head if previous is None else open_checkpoint(previous, log, "previous", None)
    if earlier.size > head.size:
        raise Finding("previous", f"The log had {earlier.size} records before.", "checkpoint")
    check_files(folder, head.size)
    outcome = {"ok": True, "origin": head.origin, "n_records": head.size, "root": head.root.hex()}
    outcome |= {"cosigned": cosigned, "first_utc": "", "latest_utc": ""}
    outcome |= {"n_by_kind": Counter(), "observations": []}
    full: list[bytes] = []
    for index in range(head.size // WIDTH + 1):
        rest = check_bundle(folder, index, min(WIDTH, head.size - index * WIDTH), outcome)
        for code, known in (("root", head), ("previous", earlier)):
            n_rest = known.size - index * WIDTH
            if 0 <= n_rest < WIDTH and root_over(full, rest[:n_rest]) != known.root:
                raise Finding(code, f"Another tree was signed for the first {known.size} records.")
        full += peaks(rest) if len(rest) == WIDTH else []
        progress(index * WIDTH + len(rest), head.size)
    check_higher_tiles(folder, full)
    return outcome


def check_bundle(folder: Path, index: int, width: int, outcome: dict[str, Any]) -> list[bytes]:
    """Check the records of a bundle and the tile over them, and return their hashes."""
    path, hashes = tile_path("entries", index, width), list[bytes]()
    for number, data in read_bundle(folder, index, width) if width else ():
        try:
            record = parse_record(data)
        except (ValueError, RecursionError) as error:
            raise Finding("record", f"Record {number} is none: {error}.", path, number) from error
        outcome["n_by_kind"][record["kind"]] += 1
        says = observed(record, outcome["latest_utc"])
        outcome["observations"] += ({"record": number, "says": each} for each in says)
        outcome["first_utc"] = outcome["first_utc"] or record["time_utc"]
        outcome["latest_utc"] = max(outcome["latest_utc"], record["time_utc"])
        hashes.append(sha256(b"\x00" + data).digest())
    if hashes:
        check_tile(folder, 0, index, hashes)
    return hashes


def check_higher_tiles(folder: Path, hashes: list[bytes]) -> None:
    """Check the tiles above the lowest level, of which ``hashes`` are the roots of full tiles."""
    level = 1
    while hashes:
        for index, width in tiles(len(hashes)):
            check_tile(folder, level, index, hashes[index * WIDTH :][:width])
        full = (hashes[index * WIDTH :][:WIDTH] for index in range(len(hashes) // WIDTH))
        level, hashes = level + 1, [peaks(tile)[0] for tile in full]


def main(arguments: Sequence[str] | None = None) -> int:
    """Check what the command line names; the text above says how."""
    parser = argparse.ArgumentParser("outsider.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="the exported log")
    parser.add_argument("--key", required=True, help="the log's public key")
    parser.add_argument("--witness", action="append", default=[], help="a witness's public key")
    parser.add_argument("--quorum", type=int, help="how many of them must have cosigned")
    parser.add_argument("--previous", type=Path, help="a signed checkpoint that was kept earlier")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    given = parser.parse_args(arguments)
    say = sys.stderr.write
    try:
        options = {"quorum": given.quorum, "progress": show_progress}
        options["previous"] = given.previous.read_bytes() if given.previous else None
        outcome = check(given.folder, given.key, given.witness, **options)
        for each in outcome["observations"][:20]:
            say(f"Record {each['record']}: {each['says']}.\n")
        if len(outcome["observations"]) > 20:
            say(f"{len(outcome['observations'])} observations; --json tells all of them.\n")
        say(f"All {outcome['n_records']} records are those that were signed for.\n")
    except (OSError, ValueError) as error:
        parser.error(str(error))
    except Finding as finding:
        outcome = {"ok": False, **asdict(finding)}
        say(f"{finding.says}\n")
    if given.json:
        sys.stdout.write(f"{json.dumps(outcome, indent=2)}\n")
    return 0 if outcome["ok"] else 1


def show_progress(n_read: int, n_all: int) -> None:
    """Count on the terminal, if there is one."""
    if sys.stderr.isatty() and n_read % (40 * WIDTH) == 0:
        sys.stderr.write(f"\r{n_read} of {n_all} records ")


if __name__ == "__main__":
    sys.exit(main())
