"""An import: each row of a manifest checked, enrolled, and its verdict kept as it is made.

    row ─▶ readable? ─▶ allowed by policy? ─▶ known from before? ─▶ enrolled ─▶ kept aside

Whatever ends an import, what was kept aside is not enrolled again when it is started anew. A row is
known by :func:`row_key`: of its fields, its pictures, the models and the limits of quality.

Invariants: every row gets exactly one report; an entry stands on the list once; memory holds the
pictures of the rows under way and of one batch, never of the list.
Must not: put a name or a picture into a report that may be shared (:class:`RowReport` says which
field is not).
"""

import hashlib
import itertools
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from overt.core.clock import Clock
from overt.core.ids import ContractId, EntryId, Sha256
from overt.ledger.canonical import canonical_bytes
from overt.policy.checks import check_entry
from overt.policy.pack import PolicyPack
from overt.policy.verdict import Finding
from overt.video.picture_sets import PersonPictures
from overt.watchlist.enrol import JPEG_QUALITY, KEPT_SIDE_PX, Accepted, Enroller, Refused
from overt.watchlist.entry_facts import entry_facts
from overt.watchlist.grounds import Grounds
from overt.watchlist.manifest import card_of
from overt.watchlist.quality import EVERY_LIMIT, Assessment
from overt.watchlist.rows import ManifestRow, RowRefused
from overt.watchlist.staging import KnownEntries, NotEnrolled, NothingKnown, StagedVerdict, Staging
from overt.watchlist.stored import (
    Enrolment,
    EntryCard,
    QualityFinding,
    StoredEntry,
    StoredReference,
)

BATCH_ROWS: Final = 200
BATCH_S: Final = 2.0
"""Verdicts are kept at the latest after so many rows or so long: what a crash can cost."""

_LIMITS = (*EVERY_LIMIT, KEPT_SIDE_PX, JPEG_QUALITY)
QUALITY_VERSION: Final = hashlib.sha256(repr(_LIMITS).encode()).hexdigest()[:16]
"""Names the limits of quality: when one changes, every picture is measured anew."""


UNKNOWN_WORD: Final = "of that name"
"""What a report says in place of a word that stands in a row and not in the pack."""


class Outcome(StrEnum):
    """What became of a row."""

    ACCEPTED = "accepted"
    WARNED = "warned"
    REFUSED = "refused"


class Origin(StrEnum):
    """Where the verdict on a row comes from."""

    MADE = "made now"
    RESUMED = "made before this import was interrupted"
    KEPT = "kept from the list as it was"


@dataclass(frozen=True, slots=True)
class RowReport:
    """The verdict on one row; all but ``label`` may be shared.

    Attributes:
        row: counts from 1.
        line: of the manifest, on which the row begins.
        outcome: accepted with a warning or without, or refused.
        column: where the fault lies; None if it is the row as a whole, or there is none.
        reasons: why it was refused, or what it is warned of.
        entry: the id that the person has on the list; None if refused.
        origin: whether anything had to be done.
        label: the person's name, for the screen of the one who imports.
    """

    row: int
    line: int
    outcome: Outcome
    column: str | None = None
    reasons: tuple[str, ...] = ()
    entry: EntryId | None = None
    origin: Origin = Origin.MADE
    label: str = field(default="", repr=False)


def row_key(row: ManifestRow, contract: ContractId) -> Sha256:
    """Return what names a row, the models and the limits of quality together."""
    named = canonical_bytes(["overt-row-key/1", row.sha256, contract, QUALITY_VERSION])
    return Sha256(hashlib.sha256(named).hexdigest())


class ImportDigest:
    """Names an import as a whole: the same rows, pictures, models, limits and policy pack."""

    def __init__(self, contract: ContractId, policy_sha256: Sha256) -> None:
        named = canonical_bytes(["overt-import/1", contract, QUALITY_VERSION, policy_sha256])
        self._digest = hashlib.sha256(named)

    def add(self, row: ManifestRow | RowRefused) -> None:
        """Take the next row."""
        said = row.sha256 if isinstance(row, ManifestRow) else [row.row, row.column, row.reason]
        self._digest.update(b"\n" + canonical_bytes(said))

    @property
    def sha256(self) -> Sha256:
        """The digest of what was taken so far."""
        return Sha256(self._digest.hexdigest())


def import_sha256(
    rows: Iterable[ManifestRow | RowRefused], contract: ContractId, policy_sha256: Sha256
) -> Sha256:
    """Return the digest of a whole import; reads every picture and opens no model."""
    digest = ImportDigest(contract, policy_sha256)
    for row in rows:
        digest.add(row)
    return digest.sha256


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A row whose pictures are with the enroller."""

    row: ManifestRow
    key: Sha256
    policy_warnings: tuple[str, ...]


class Importer:
    """One import, to be iterated once.

    Args:
        pack: the rules.
        contract: the models' vector space.
        staging: where verdicts are kept.
        clock: what day it is, and when a batch is due.
        enroller: opens the models; called once at most, and only if there is something to enrol.
        known: the list as it was.

    Attributes:
        cards: who is on the list, by id; whole once the iteration has ended.
        light: the same with their templates, each picture replaced by its digest.
        fresh: those who have to be taken over from the staging, with the key of their row.
        digest: of the rows so far.
    """

    def __init__(
        self,
        pack: PolicyPack,
        contract: ContractId,
        staging: Staging,
        clock: Clock,
        *,
        enroller: Callable[[], Enroller],
        known: KnownEntries | None = None,
    ) -> None:
        self._pack = pack
        self._contract = contract
        self._staging = staging
        self._clock = clock
        self._enroller = enroller
        self._known: KnownEntries = known or NothingKnown()
        self._waiting: deque[_Waiting] = deque()
        self._ready: deque[RowReport] = deque()
        self._batch: list[tuple[Sha256, StagedVerdict]] = []
        self._batch_since_s = clock.monotonic_s()
        self._row_of: dict[EntryId, int] = {}
        self.cards: dict[EntryId, EntryCard] = {}
        self.light: list[StoredEntry] = []
        self.fresh: dict[EntryId, Sha256] = {}
        self.digest = ImportDigest(contract, pack.sha256)

    def reports(self, rows: Iterable[ManifestRow | RowRefused]) -> Iterator[RowReport]:
        """Yield the report on each row; those that need no model may come before their turn.

        Raises:
            InputError: the manifest was changed meanwhile.
            OvertError: the models failed, or a verdict could not be kept.
        """
        people = self._people(rows)
        try:
            first = next(people, None)
            yield from self._taken(self._ready)
            if first is None:
                return
            for verdict in self._enroller().enrol(itertools.chain([first], people)):
                yield self._enrolled(verdict)
                yield from self._taken(self._ready)
            yield from self._taken(self._ready)
        finally:
            self._flush()

    def _people(self, rows: Iterable[ManifestRow | RowRefused]) -> Iterator[PersonPictures]:
        """Yield the pictures of those rows that have to be enrolled; report on the others."""
        for row in rows:
            self.digest.add(row)
            if isinstance(row, RowRefused):
                self._refuse(row, row.column, (row.reason,), Origin.MADE)
                continue
            facts = entry_facts(row.grounds, row.expires_utc, self._clock.now_utc())
            verdict = check_entry(self._pack, facts)
            if not verdict.allowed:
                told = tuple(_told(each, row.grounds, self._pack) for each in verdict.refusals)
                self._refuse(row, None, told, Origin.MADE)
                continue
            warnings = tuple(map(str, verdict.warnings))
            key = row_key(row, self._contract)
            if (entry := self._known.find(key)) is not None:
                self._ready.append(self._accept(row, entry, Origin.KEPT))
            elif (staged := self._staging.find(key)) is not None:
                self._ready.append(self._resumed(row, key, staged))
            else:
                self._waiting.append(_Waiting(replace(row, pictures=()), key, warnings))
                yield PersonPictures(row.label, row.pictures)

    def _enrolled(self, verdict: Accepted | Refused) -> RowReport:
        waiting = self._waiting.popleft()
        row = waiting.row
        if isinstance(verdict, Refused):
            self._stage(waiting.key, NotEnrolled(verdict.reason))
            return _refused(row, "images", (verdict.reason,), Origin.MADE)
        entry = replace(
            verdict.entry,
            expires_utc=row.expires_utc,
            grounds=row.grounds,
            enrolment=Enrolment(
                waiting.key,
                (*waiting.policy_warnings, *verdict.warnings),
                tuple(_findings(each) for each in verdict.assessments),
                row.kin_group or "",
            ),
        )
        self._stage(waiting.key, entry)
        return self._accept(row, entry, Origin.MADE, waiting.key)

    def _resumed(self, row: ManifestRow, key: Sha256, staged: StagedVerdict) -> RowReport:
        if isinstance(staged, NotEnrolled):
            return _refused(row, "images", (staged.reason,), Origin.RESUMED)
        return self._accept(row, staged, Origin.RESUMED, key)

    def _accept(
        self, row: ManifestRow, entry: StoredEntry, origin: Origin, key: Sha256 | None = None
    ) -> RowReport:
        first = self._row_of.setdefault(entry.entry, row.row)
        if first != row.row:
            reason = f"the same name and pictures stand in row {first} already"
            return _refused(row, "images", (reason,), origin)
        self.cards[entry.entry] = card_of(entry)
        self.light.append(_light(entry))
        if key is not None:
            self.fresh[entry.entry] = key
        warnings = entry.enrolment.warnings if entry.enrolment else ()
        outcome = Outcome.WARNED if warnings else Outcome.ACCEPTED
        return RowReport(row.row, row.line, outcome, None, warnings, entry.entry, origin, row.label)

    def _refuse(
        self,
        row: ManifestRow | RowRefused,
        column: str | None,
        reasons: tuple[str, ...],
        origin: Origin,
    ) -> None:
        self._ready.append(_refused(row, column, reasons, origin))

    def _stage(self, key: Sha256, verdict: StagedVerdict) -> None:
        self._batch.append((key, verdict))
        late = self._clock.monotonic_s() - self._batch_since_s >= BATCH_S
        if late or len(self._batch) >= BATCH_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._batch:
            self._staging.keep(self._batch)
        self._batch = []
        self._batch_since_s = self._clock.monotonic_s()

    @staticmethod
    def _taken(reports: deque[RowReport]) -> Iterator[RowReport]:
        while reports:
            yield reports.popleft()


def _told(finding: Finding, grounds: Grounds, pack: PolicyPack) -> str:
    """Return why a row is refused, without a word that the pack does not know.

    Where columns were mixed up, such a word may be a name.
    """
    rules, told = pack.rules, str(finding)
    known = {each.id for each in rules.list_categories.categories}
    known |= {each.id for each in rules.image_sources.allowed} | set(rules.image_sources.never)
    known |= set(rules.named_authority.sensitivities)
    for word in {grounds.category, grounds.image_source, *grounds.sensitivities} - known:
        told = (
            re.sub(rf"(?<![\w-]){re.escape(word)}(?![\w-])", UNKNOWN_WORD, told) if word else told
        )
    return told


def _refused(
    row: ManifestRow | RowRefused, column: str | None, reasons: tuple[str, ...], origin: Origin
) -> RowReport:
    return RowReport(
        row.row, row.line, Outcome.REFUSED, column, reasons, origin=origin, label=row.label
    )


def _light(entry: StoredEntry) -> StoredEntry:
    """Return the entry with each picture's digest in its place, to be compared by its templates."""
    references = tuple(
        StoredReference(each.template, hashlib.sha256(each.picture_jpeg).digest())
        for each in entry.references
    )
    return replace(entry, references=references, label="", grounds=None, enrolment=None)


def _findings(assessment: Assessment) -> tuple[QualityFinding, ...]:
    return tuple(
        QualityFinding(str(each.measure), round(each.value * 1000), str(each.verdict))
        for each in assessment.findings
    )
