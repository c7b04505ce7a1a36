"""What a witness keeps, in a folder: its key, the logs that it watches, and proofs of forks.

    FOLDER/witness.key       signs cosignatures, 0600
    FOLDER/witness.vkey      its name and public half, for everybody
    FOLDER/logs/*.json       one file for each log: its keys, and what was cosigned last
    FOLDER/evidence/         pairs of checkpoints of one log that cannot both be true
    FOLDER/witness.lock      held by the one process that cosigns

Invariants: one process at a time reads and writes what was cosigned; a file is replaced whole, and
is on the disk before anybody hears of it; a head that its log's keys did not sign is an error.
Must not: be restored from a backup under the same key: a witness that forgot may sign a fork.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from overt.core.errors import InputError, IntegrityError, StorageError
from overt.deployment.keys import create_key, load_private_key
from overt.ledger.canonical import JsonValue, canonical_bytes, parse_canonical_object
from overt.ledger.cosignature import Cosigner, WitnessVerifier
from overt.ledger.notes import (
    Checkpoint,
    NoteVerifier,
    check_key_name,
    open_note,
    parse_note,
)
from overt.ledger.witness import Head, WatchedLog

KEY: Final = "witness.key"
VKEY: Final = "witness.vkey"
LOCK: Final = "witness.lock"
LOGS: Final = "logs"
EVIDENCE: Final = "evidence"
_VERSION: Final = 1
_MEMBERS: Final = frozenset({"head", "keys", "origin", "version"})
_MAX_BYTES: Final = 1 << 21


class WitnessFolder:
    """A witness's folder; see :class:`WitnessState` for what is under its lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def create(cls, folder: Path, name: str) -> "WitnessFolder":
        """Make a witness: a key of its own, and no log yet.

        Raises:
            InputError: there is one already, or no key can have that name.
            StorageError: it could not be written.
        """
        check_key_name(name)
        is_new = not folder.exists()
        cosigner = Cosigner(name, create_key(folder / KEY))
        if is_new:
            _sync(folder.parent)
        _put(folder / VKEY, f"{cosigner.verifier}\n".encode())
        return cls(folder)

    @property
    def verifier(self) -> WitnessVerifier:
        """The witness's name and public key.

        Raises:
            InputError: there is no witness here.
        """
        try:
            text = (self.folder / VKEY).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                "There is no witness in this folder; make one with: overt ledger witness init"
            ) from error
        return WitnessVerifier.parse(text.removesuffix("\n"))

    def cosigner(self) -> Cosigner:
        """Return the witness's private key.

        Raises:
            InputError: there is no witness here.
            IntegrityError: others can read the key, or it is not the one of the public half.
        """
        verifier = self.verifier
        cosigner = Cosigner(verifier.name, load_private_key(self.folder / KEY))
        if cosigner.verifier != verifier:
            raise IntegrityError("The witness's key is not the one that its public half names.")
        return cosigner

    @contextmanager
    def locked(self) -> Iterator["WitnessState"]:
        """Hand out what the witness keeps, once no other process has it.

        Raises:
            InputError: there is no witness here.
            StorageError: the lock cannot be taken.
        """
        WitnessVerifier.parse(str(self.verifier))
        try:
            lock = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageError(f"The witness cannot be locked: {error.strerror}.") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield WitnessState(self.folder)
        finally:
            os.close(lock)


class WitnessState:
    """The logs of a witness; a :class:`overt.ledger.witness.WitnessBook`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def watched(self, origin: str) -> WatchedLog | None:
        """See :meth:`overt.ledger.witness.WitnessBook.watched`.

        Raises:
            IntegrityError: what is kept of the log was altered.
            StorageError: it cannot be read.
        """
        data = _read(self._path(origin))
        if data is None:
            return None
        log = _parsed(data)
        if log.origin != origin:
            raise IntegrityError("What the witness keeps of a log stands in another's place.")
        return log

    def keep(self, log: WatchedLog) -> None:
        """See :meth:`overt.ledger.witness.WitnessBook.keep`."""
        _put(self._path(log.origin), _document(log))

    def add_key(self, origin: str, key: NoteVerifier) -> WatchedLog:
        """Watch a log, or know one more key of it; what was cosigned stays.

        Raises:
            InputError: nobody could have that origin.
            IntegrityError, StorageError: as :meth:`watched` and :meth:`keep`.
        """
        Checkpoint.parse(Checkpoint(origin, 0, bytes(32)).text)
        log = self.watched(origin) or WatchedLog(origin, ())
        if key not in log.keys:
            log = replace(log, keys=(*log.keys, key))
            self.keep(log)
        return log

    def logs(self) -> tuple[WatchedLog, ...]:
        """Return every log that is watched, by origin.

        Raises:
            IntegrityError, StorageError: as :meth:`watched`.
        """
        paths = (self._folder / LOGS).glob("*.json")
        found = (_parsed(data) for path in paths if (data := _read(path)) is not None)
        return tuple(sorted(found, key=lambda log: log.origin))

    def keep_evidence(self, notes: tuple[bytes, ...]) -> tuple[Path, ...]:
        """Keep checkpoints that cannot all be true, and return where they lie.

        Two of one size prove as much as any number; no more are kept.

        Raises:
            StorageError: they could not be kept.
        """
        kept: dict[Path, None] = {}
        for note in notes:
            checkpoint = Checkpoint.parse(parse_note(note).text)
            stem = f"{_name(checkpoint.origin)[:16]}-{checkpoint.size}"
            path = self._folder / EVIDENCE / f"{stem}-{checkpoint.root.hex()[:16]}.checkpoint"
            kept |= dict.fromkeys(sorted(path.parent.glob(f"{stem}-*.checkpoint")))
            if path not in kept and len(kept) < 2:
                _put(path, note)
                kept[path] = None
        return tuple(kept)

    def evidence(self, origin: str) -> tuple[Path, ...]:
        """Return the checkpoints that prove forks of a log."""
        return tuple(sorted((self._folder / EVIDENCE).glob(f"{_name(origin)[:16]}-*.checkpoint")))

    def _path(self, origin: str) -> Path:
        return self._folder / LOGS / f"{_name(origin)}.json"


def _name(origin: str) -> str:
    """Return how a log's files are called: an origin can hold what no file's name can."""
    return hashlib.sha256(origin.encode()).hexdigest()


def _document(log: WatchedLog) -> bytes:
    head: JsonValue = None
    if log.head is not None:
        head = {"note": log.head.note.decode(), "time_s": log.head.time_s}
    keys = [str(key) for key in log.keys]
    return canonical_bytes({"head": head, "keys": keys, "origin": log.origin, "version": _VERSION})


def _parsed(data: bytes) -> WatchedLog:
    try:
        return _log(parse_canonical_object(data))
    except (InputError, IntegrityError) as error:
        raise IntegrityError("What the witness keeps of a log was altered.") from error


def _log(value: Mapping[str, JsonValue]) -> WatchedLog:
    origin, keys = value.get("origin"), value.get("keys")
    version = value.get("version")
    if value.keys() != _MEMBERS or version is True or version != _VERSION:
        raise InputError("It is not a log of this version.")
    if not isinstance(origin, str) or not isinstance(keys, list):
        raise InputError("A log has an origin and keys.")
    verifiers = tuple(NoteVerifier.parse(str(key)) for key in keys)
    head = _head(value["head"])
    if head is not None:
        open_note(head.note, verifiers)
        if head.checkpoint.origin != origin:
            raise InputError("The head is of another log.")
    return WatchedLog(origin, verifiers, head)


def _head(value: JsonValue) -> Head | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or value.keys() != {"note", "time_s"}:
        raise InputError("A head has a note and a time.")
    note, time_s = value["note"], value["time_s"]
    if not isinstance(note, str) or not isinstance(time_s, int) or isinstance(time_s, bool):
        raise InputError("A head has a note and a time.")
    return Head(note.encode(), time_s)


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError("What the witness keeps cannot be read.") from error


def _put(path: Path, data: bytes) -> None:
    """Replace a file whole; it is on the disk, and its name with it, when this returns."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    try:
        is_new = not path.parent.exists()
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with os.fdopen(os.open(unfinished, flags, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        raise _not_kept(error) from error
    _sync(path.parent)
    if is_new:
        _sync(path.parent.parent)


def _sync(folder: Path) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _not_kept(error) from error


def _not_kept(error: OSError) -> StorageError:
    return StorageError(f"The witness cannot keep what it saw: {error.strerror}.")
