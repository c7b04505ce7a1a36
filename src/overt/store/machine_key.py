"""Where the machine key comes from: a key file, the environment, or the system keyring.

A source holds the key in use and, while it is rotated, the next one beside it:

    create_next ──▶ the store's transaction ──▶ adopt_next ──▶ discard_others

Whatever a process that dies in between leaves behind, one of the two keys fits the store, and the
next open finishes or undoes the rest (:mod:`overt.store.rotation`).

Invariants: a source that was asked for and cannot answer is an error, never another source. A key
that is in use is destroyed only after the store has turned to the next.
Must not: show a key in a name, a repr or an error; read the environment (``cli/wiring.py`` does).
"""

import base64
import binascii
import os
import re
import secrets
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from overt.core.errors import IntegrityError, UnavailableError
from overt.store.faults import storage_faults
from overt.store.keys import (
    KEY_BYTES,
    create_key_file,
    read_key_file,
    sync_folder,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyring.backend import KeyringBackend

KEY_VARIABLE: Final = "OVERT_MACHINE_KEY"
NEXT_KEY_VARIABLE: Final = "OVERT_MACHINE_KEY_NEXT"
KEYRING_SERVICE: Final = "overt"
_HOW_TO_MAKE_ONE: Final = "the base64 of 32 random bytes, such as `openssl rand -base64 32` prints"
_DRAFT: Final = re.compile(r"(\.next)?\.[0-9a-f]{16}")


class MachineKeySource(Protocol):
    """One place that a machine key of 32 bytes comes from.

    Whoever calls anything but ``read``, ``read_next`` and ``is_unsettled`` holds
    :func:`overt.store.rotation.changing_keys`, so that no two processes change it at once.

    Every method raises :class:`~overt.core.errors.IntegrityError` if what is found is no key of
    ours, :class:`~overt.core.errors.UnavailableError` if the source cannot be asked, and
    :class:`~overt.core.errors.StorageError` if it cannot be written.
    """

    @property
    def name(self) -> str:
        """What it is called in a message; begins with *the*, holds no key."""
        ...

    @property
    def after_rotation(self) -> str | None:
        """What the person at the keyboard has to do once a rotation is done, or None."""
        ...

    def read(self) -> bytes | None:
        """Return the key, or None if there is none."""
        ...

    def create(self) -> bytes:
        """Make the first key and return it; a key that is already there is returned instead."""
        ...

    def read_next(self) -> bytes | None:
        """Return the key that a rotation is turning to, or None."""
        ...

    def create_next(self) -> bytes:
        """Return the key to turn to, which from now on lies safely beside the one in use."""
        ...

    def adopt_next(self) -> None:
        """Put the next key in the place of the one in use; may be done again after a crash."""
        ...

    def discard_others(self) -> None:
        """Destroy every key but the one in use, as far as this source can."""
        ...

    def is_unsettled(self) -> bool:
        """Return whether there is anything beside the key in use."""
        ...


@dataclass(frozen=True, slots=True)
class KeyFileSource:
    """A file of 32 bytes that only its owner can read; see :mod:`overt.store.keys`.

    The next key waits in ``machine.key.next``; the former one is ``machine.key.old`` for as long
    as it takes to overwrite it.
    """

    path: Path

    @property
    def name(self) -> str:
        """See :attr:`MachineKeySource.name`."""
        return f"the key file {self.path.name}"

    @property
    def after_rotation(self) -> str | None:
        """See :attr:`MachineKeySource.after_rotation`."""
        return None

    def read(self) -> bytes | None:
        """See :meth:`MachineKeySource.read`."""
        return read_key_file(self.path)

    def create(self) -> bytes:
        """See :meth:`MachineKeySource.create`."""
        return create_key_file(self.path)

    def read_next(self) -> bytes | None:
        """See :meth:`MachineKeySource.read_next`."""
        return read_key_file(self._next)

    def create_next(self) -> bytes:
        """See :meth:`MachineKeySource.create_next`."""
        return create_key_file(self._next)

    def adopt_next(self) -> None:
        """See :meth:`MachineKeySource.adopt_next`."""
        with storage_faults():
            # A second name keeps the former key within reach, to be overwritten.
            with suppress(FileExistsError):
                self._old.hardlink_to(self.path)
            self._next.replace(self.path)
            sync_folder(self.path.parent)

    def discard_others(self) -> None:
        """See :meth:`MachineKeySource.discard_others`."""
        with storage_faults():
            for path in self._others():
                if path.samefile(self.path):
                    path.unlink()
                else:
                    _overwrite_and_unlink(path)
            sync_folder(self.path.parent)

    def is_unsettled(self) -> bool:
        """See :meth:`MachineKeySource.is_unsettled`."""
        with storage_faults():
            return bool(self._others())

    @property
    def _next(self) -> Path:
        return self.path.with_name(f"{self.path.name}.next")

    @property
    def _old(self) -> Path:
        return self.path.with_name(f"{self.path.name}.old")

    def _others(self) -> list[Path]:
        drafts = (
            path
            for path in self.path.parent.glob(f".{self.path.name}.*")
            if _DRAFT.fullmatch(path.name.removeprefix(f".{self.path.name}"))
        )
        return [*(path for path in (self._next, self._old) if path.exists()), *drafts]


@dataclass(frozen=True, slots=True)
class EnvironmentSource:
    """A key that whoever starts the process hands over, as base64; Overt makes and keeps none.

    Attributes:
        value: what ``OVERT_MACHINE_KEY`` holds, or None.
        next_value: what ``OVERT_MACHINE_KEY_NEXT`` holds, or None.
    """

    value: str | None = field(repr=False)
    next_value: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """See :attr:`MachineKeySource.name`."""
        return f"the variable {KEY_VARIABLE}"

    @property
    def after_rotation(self) -> str | None:
        """See :attr:`MachineKeySource.after_rotation`."""
        return (
            f"Now set {KEY_VARIABLE} to what {NEXT_KEY_VARIABLE} holds, unset {NEXT_KEY_VARIABLE}, "
            "and destroy the former value wherever it is kept."
        )

    def read(self) -> bytes | None:
        """See :meth:`MachineKeySource.read`."""
        return None if self.value is None else decode_key(self.value, self.name)

    def create(self) -> bytes:
        """Refuse, unless there is a key: it is not ours to make.

        Raises:
            IntegrityError: there is none, or none of ours.
        """
        key = self.read()
        if key is None:
            raise IntegrityError(
                f"There is no machine key: set {KEY_VARIABLE} to {_HOW_TO_MAKE_ONE}."
            )
        return key

    def read_next(self) -> bytes | None:
        """See :meth:`MachineKeySource.read_next`."""
        if self.next_value is None:
            return None
        return decode_key(self.next_value, f"the variable {NEXT_KEY_VARIABLE}")

    def create_next(self) -> bytes:
        """Return what ``OVERT_MACHINE_KEY_NEXT`` holds.

        Raises:
            IntegrityError: nothing, or no key of ours.
        """
        key = self.read_next()
        if key is None:
            raise IntegrityError(
                f"To rotate a key that comes from the environment, set {NEXT_KEY_VARIABLE} to the "
                f"new one: {_HOW_TO_MAKE_ONE}."
            )
        return key

    def adopt_next(self) -> None:
        """Do nothing: the variables are for the person to change."""

    def discard_others(self) -> None:
        """Do nothing: the variables are for the person to change."""

    def is_unsettled(self) -> bool:
        """See :meth:`MachineKeySource.is_unsettled`."""
        return self.next_value is not None


@dataclass(frozen=True, slots=True)
class KeyringSource:
    """An entry in the keyring of the system or the session, through the package ``keyring``.

    A backend that ``keyring`` itself does not recommend (one that keeps nothing, or a plain file)
    is refused.

    Attributes:
        service: under what name the keyring's own tools show it.
        home: the store's folder; each has an entry of its own.
    """

    service: str
    home: Path

    @property
    def name(self) -> str:
        """See :attr:`MachineKeySource.name`."""
        return f"the entry {self.service!r} of the system keyring"

    @property
    def after_rotation(self) -> str | None:
        """See :attr:`MachineKeySource.after_rotation`."""
        return None

    def read(self) -> bytes | None:
        """See :meth:`MachineKeySource.read`."""
        return self._get(self._entry)

    def create(self) -> bytes:
        """See :meth:`MachineKeySource.create`."""
        return self.read() or self._set(self._entry, secrets.token_bytes(KEY_BYTES))

    def read_next(self) -> bytes | None:
        """See :meth:`MachineKeySource.read_next`."""
        return self._get(self._next_entry)

    def create_next(self) -> bytes:
        """See :meth:`MachineKeySource.create_next`."""
        return self._set(self._next_entry, secrets.token_bytes(KEY_BYTES))

    def adopt_next(self) -> None:
        """See :meth:`MachineKeySource.adopt_next`."""
        key = self.read_next()
        if key is None:
            raise IntegrityError(f"The next key vanished from {self.name}.")
        self._set(self._entry, key)

    def discard_others(self) -> None:
        """See :meth:`MachineKeySource.discard_others`."""
        if self.is_unsettled():
            with _keyring() as keyring:
                keyring.delete_password(self.service, self._next_entry)

    def is_unsettled(self) -> bool:
        """See :meth:`MachineKeySource.is_unsettled`."""
        return self._get(self._next_entry) is not None

    @property
    def _entry(self) -> str:
        return f"machine-key {self.home.absolute()}"

    @property
    def _next_entry(self) -> str:
        return f"machine-key-next {self.home.absolute()}"

    def _get(self, entry: str) -> bytes | None:
        with _keyring() as keyring:
            text = keyring.get_password(self.service, entry)
        return None if text is None else decode_key(text, self.name)

    def _set(self, entry: str, key: bytes) -> bytes:
        with _keyring() as keyring:
            keyring.set_password(self.service, entry, base64.b64encode(key).decode("ascii"))
        if self._get(entry) != key:
            raise UnavailableError("The system keyring did not keep the key that it was given.")
        return key


def decode_key(text: str, name: str) -> bytes:
    """Return the 32 bytes of a key in base64; white space around it does not matter.

    Raises:
        IntegrityError: it is something else; the message has ``name`` in it, and no key.
    """
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise IntegrityError(f"What {name} holds is no machine key: it must be {_HOW_TO_MAKE_ONE}.")
    return key


@contextmanager
def _keyring() -> "Iterator[KeyringBackend]":
    """Hand out the keyring's backend, and turn whatever it raises into one sentence."""
    try:
        import keyring  # noqa: PLC0415  an optional extra, needed by who asks for it alone
        from keyring.backends.chainer import ChainerBackend  # noqa: PLC0415
    except ImportError as error:
        raise UnavailableError(
            "The system keyring needs a package that is not here: pip install 'overt[keyring]'."
        ) from error
    try:
        backend = keyring.get_keyring()
        # A chain would also look into those that are not recommended.
        links = backend.backends if isinstance(backend, ChainerBackend) else [backend]
        recommended = [link for link in links if keyring.core.recommended(link)]
        if recommended:
            yield recommended[0]
    except Exception as error:  # Each backend raises what its system's own library does.
        raise UnavailableError("The system keyring could not be used: is it unlocked?") from error
    if not recommended:
        raise UnavailableError("There is no system keyring here that keeps a key safely.")


def _overwrite_and_unlink(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.write(descriptor, secrets.token_bytes(KEY_BYTES))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    path.unlink()
