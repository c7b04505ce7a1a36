"""Why data is held, as its decisions say it: free text, sealed in one row.

    nonce       of the wrapping, 12 bytes
    ciphertext  the hold's own key, wrapped under the machine key, 48 bytes;
                then each reason: its length in two bytes, a nonce, a ciphertext under that key

The ledger holds the digest of each reason's nonce and ciphertext. A rotation of the machine key
wraps the key anew and leaves them as they are, so that the digests stay those of what is kept.

Invariants: a reason is bound to its hold and its place in it.
Must not: give a reason to anything but whoever may read it; quote one in an error.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from overt.core.errors import InputError, IntegrityError
from overt.core.ids import Sha256
from overt.store.keys import NONCE_BYTES, DataKey, Sealed, place_of
from overt.store.models_retention import HoldRow

_WRAPPED_BYTES: Final = 48
_LENGTH_BYTES: Final = 2
_ALTERED: Final = "The reasons of a hold that the store keeps were altered."


@dataclass(frozen=True, slots=True)
class SealedReasons:
    """The reasons of one hold, in the order of its decisions.

    Attributes:
        hold: the hold's id.
        wrapped_key: its own key, under the machine key.
        reasons: sealed.
    """

    hold: str
    wrapped_key: bytes
    reasons: tuple[Sealed, ...]

    @classmethod
    def begin(cls, hold: str, machine_key: DataKey) -> "SealedReasons":
        """Return what holds no reason yet, under a key of its own."""
        return cls(hold, machine_key.wrap(DataKey.generate(), _key_place(hold)), ())

    @classmethod
    def of(cls, row: HoldRow) -> "SealedReasons":
        """Read a row.

        Raises:
            IntegrityError: it was altered.
        """
        wrapped, rest = row.ciphertext[:_WRAPPED_BYTES], row.ciphertext[_WRAPPED_BYTES:]
        if len(row.nonce) != NONCE_BYTES or len(wrapped) != _WRAPPED_BYTES:
            raise IntegrityError(_ALTERED)
        return cls(row.id, row.nonce + wrapped, _split(rest))

    def write_to(self, row: HoldRow) -> None:
        """Write them into a row."""
        row.nonce = self.wrapped_key[:NONCE_BYTES]
        row.ciphertext = self.wrapped_key[NONCE_BYTES:] + b"".join(map(_frame, self.reasons))

    def with_one_more(self, text: str, machine_key: DataKey) -> "SealedReasons":
        """Return them with another reason, the last.

        Raises:
            IntegrityError: the key was altered.
        """
        sealed = self._key(machine_key).seal(text.encode(), self._place(len(self.reasons)))
        if len(sealed.ciphertext) + NONCE_BYTES >= 1 << 8 * _LENGTH_BYTES:
            raise InputError("The reason is too long to be kept.")
        return SealedReasons(self.hold, self.wrapped_key, (*self.reasons, sealed))

    def digests(self) -> tuple[Sha256, ...]:
        """Return the digest of each, as the ledger holds it."""
        return tuple(
            Sha256(hashlib.sha256(each.nonce + each.ciphertext).hexdigest())
            for each in self.reasons
        )

    def texts(self, machine_key: DataKey) -> tuple[str, ...]:
        """Return the reasons in clear.

        Raises:
            IntegrityError: they were altered.
        """
        key = self._key(machine_key)
        opened = (key.open(each, self._place(number)) for number, each in enumerate(self.reasons))
        return tuple(each.decode() for each in opened)

    def wrapped_anew(self, former: DataKey, fresh: DataKey) -> "SealedReasons":
        """Return them with their key under another machine key.

        Raises:
            IntegrityError: the key was altered.
        """
        place = _key_place(self.hold)
        wrapped = fresh.wrap(former.unwrap(self.wrapped_key, place), place)
        return SealedReasons(self.hold, wrapped, self.reasons)

    def _key(self, machine_key: DataKey) -> DataKey:
        return machine_key.unwrap(self.wrapped_key, _key_place(self.hold))

    def _place(self, number: int) -> str:
        return place_of("holds", f"{self.hold}/{number}", "reason")


def wrap_reasons_anew(session: Session, former: DataKey, fresh: DataKey) -> None:
    """Wrap the key of every hold's reasons under ``fresh`` instead of ``former``.

    Raises:
        IntegrityError: one was altered.
    """
    for row in session.scalars(select(HoldRow)):
        SealedReasons.of(row).wrapped_anew(former, fresh).write_to(row)


def _frame(sealed: Sealed) -> bytes:
    data = sealed.nonce + sealed.ciphertext
    return len(data).to_bytes(_LENGTH_BYTES, "big") + data


def _split(data: bytes) -> tuple[Sealed, ...]:
    reasons: list[Sealed] = []
    position = 0
    while position < len(data):
        start = position + _LENGTH_BYTES
        position = start + int.from_bytes(data[position:start], "big")
        framed = data[start:position]
        if position > len(data) or len(framed) <= NONCE_BYTES:
            raise IntegrityError(_ALTERED)
        reasons.append(Sealed(framed[:NONCE_BYTES], framed[NONCE_BYTES:]))
    return tuple(reasons)


def _key_place(hold: str) -> str:
    return place_of("holds", hold, "key")
