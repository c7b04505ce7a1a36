"""How alike two lists are, by who was on them: a sketch of each list, not the list.

A person's tag is the beginning of HMAC-SHA256 over their id in the source system, under a key of
this store. Of a list the smallest tags are kept (a bottom-k sketch, also known as KMV: Bar-Yossef
et al., *Counting Distinct Elements in a Data Stream*, 2002). Below the smaller of two sketches'
largest tags both are complete, so the tags below it are a random sample of each list, and the share
of one sample that is in the other estimates the share of the list.

Invariants: at most :data:`SKETCH_TAGS` tags of a list are kept, so that of a large list most people
leave no trace here; a tag is so short that trying all references of a source system finds as many
strangers by chance as members; a sketch goes when the list's membership period is over.
Must not: answer whether somebody was on a list (:mod:`overt.store.memberships` does, for those who
may ask); hold a name, a picture, a template, or what a person was listed for.
"""

import hmac
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from overt.core.errors import IntegrityError
from overt.core.ids import Sha256
from overt.ledger.canonical import canonical_bytes
from overt.store.database import Database
from overt.store.keys import DataKey
from overt.store.member_secret import derived_key, plain_form
from overt.store.models import ListMembersRow

SKETCH_TAGS: Final = 512
TAG_BYTES: Final = 3
_HEADER: Final = b"kmv1"
_USE: Final = "v2"


@dataclass(frozen=True, slots=True)
class InCommon:
    """How much of one list another has too, as two sketches tell.

    Attributes:
        share: of the one list's people, 0 to 1.
        standard_error: of the share; 0 where both lists are kept whole, and the share is exact.
        n_compared: people of the one list that the share rests on.
    """

    share: float
    standard_error: float
    n_compared: int


@dataclass(frozen=True, slots=True)
class Sketch:
    """The smallest tags of a list, in order; ``is_whole`` if there were no more."""

    tags: tuple[bytes, ...]
    is_whole: bool

    @classmethod
    def of(cls, tags: Iterable[bytes]) -> "Sketch":
        """Return the sketch of a list with these tags."""
        ordered = sorted(set(tags))
        return cls(tuple(ordered[:SKETCH_TAGS]), len(ordered) <= SKETCH_TAGS)

    @classmethod
    def parse(cls, data: bytes) -> "Sketch":
        """Read what :meth:`to_bytes` gives.

        Raises:
            IntegrityError: it is something else.
        """
        head, flag, rest = data[: len(_HEADER)], data[len(_HEADER) :][:1], data[len(_HEADER) + 1 :]
        tags = tuple(rest[at : at + TAG_BYTES] for at in range(0, len(rest), TAG_BYTES))
        is_formed = head == _HEADER and flag in {b"\0", b"\1"} and len(rest) % TAG_BYTES == 0
        if not is_formed or tuple(sorted(set(tags))) != tags or len(tags) > SKETCH_TAGS:
            raise IntegrityError("What the store keeps of a list's members was altered.")
        return cls(tags, flag == b"\1")

    def to_bytes(self) -> bytes:
        """Return the bytes that are kept."""
        return _HEADER + bytes([self.is_whole]) + b"".join(self.tags)

    def in_common(self, other: "Sketch") -> InCommon:
        """Return how much of this list another has too; nothing of a list with nobody on it."""
        ends = [each.tags[-1] for each in (self, other) if not each.is_whole]
        mine = [tag for tag in self.tags if not ends or tag <= min(ends)]
        n_compared, n_shared = len(mine), len(set(mine) & set(other.tags))
        if not n_compared:
            return InCommon(0.0, 0.0 if not ends else 0.5, 0)
        share = n_shared / n_compared
        if not ends:
            return InCommon(share, 0.0, n_compared)
        # As Agresti and Coull (1998), so that all or nothing is not taken for certain.
        adjusted = (n_shared + 2) / (n_compared + 4)
        error = math.sqrt(adjusted * (1 - adjusted) / (n_compared + 4))
        return InCommon(share, error, n_compared)


class ListMembers:
    """Compares lists by who was on them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def in_common(self, manifest: Sha256, other: Sha256) -> InCommon:
        """Return how much of one list another has too; nothing if either is not kept.

        Raises:
            IntegrityError: what is kept was altered.
            StorageError: it could not be read.
        """
        with self._database.read() as session:
            return _between(session, manifest, other)


def share_between(session: Session, manifest: Sha256, other: Sha256) -> float:
    """Return the share of one list's people who are on the other too, 0 to 1, as estimated."""
    return _between(session, manifest, other).share


def keep_members(
    session: Session,
    machine_key: DataKey,
    manifest: Sha256,
    people: Iterable[tuple[str, str]],
    now_utc: datetime,
) -> None:
    """Keep a list's sketch, from source systems and references; one that is kept stays as it is."""
    if session.get(ListMembersRow, manifest) is not None:
        return
    key = derived_key(session, machine_key, _USE)
    sketch = Sketch.of(_tag(key, *person) for person in people)
    row = ListMembersRow(manifest_sha256=manifest, tags=sketch.to_bytes(), created_utc=now_utc)
    session.add(row)


def _between(session: Session, manifest: Sha256, other: Sha256) -> InCommon:
    one, another = session.get(ListMembersRow, manifest), session.get(ListMembersRow, other)
    if one is None or another is None:
        return InCommon(0.0, 0.0, 0)
    return Sketch.parse(one.tags).in_common(Sketch.parse(another.tags))


def _tag(key: bytes, source_system: str, source_reference: str) -> bytes:
    person = canonical_bytes([plain_form(source_system), plain_form(source_reference)])
    return hmac.digest(key, person, "sha256")[:TAG_BYTES]
