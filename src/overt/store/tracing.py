"""One alert's chain out of the store: its records, the row if it is there, and the proof.

Invariants: what stands in a row is told only if it is what the record commits to; a proof is
checked here before it is told; the chain is told from the ledger alone when the rows are gone.
Must not: decrypt anything.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import select
from sqlalchemy.orm import Session

from overt.alerts.facts import facts_sha256
from overt.core.clock import Clock, format_utc
from overt.core.errors import InputError, IntegrityError
from overt.core.ids import AlertId, PersonId, Sha256
from overt.deployment.life import Life
from overt.ledger.canonical import JsonValue
from overt.ledger.merkle import leaf_hash, verify_inclusion
from overt.ledger.notes import Checkpoint, parse_note
from overt.ledger.records import LedgerRecord
from overt.policy.pack_data import DataKind, Moment
from overt.retention.receipts import Begun
from overt.retention.schedule import Owner, OwnerKind, deployment_moments
from overt.retention.trace import Chain, Numbered, chain_of, find_raised, needles
from overt.store.alerts import AlertArchive
from overt.store.database import Database
from overt.store.holds import standing_holds
from overt.store.ledger import StoredLedger
from overt.store.models import DeploymentLifeRow
from overt.store.models_ledger import LedgerRecordRow
from overt.store.models_retention import DeletionRow
from overt.store.policies import adopted_pack

_BATCH = 1000
_KINDS = (DataKind.PICTURE, DataKind.ALERT)


@dataclass(frozen=True, slots=True)
class Proved:
    """That the alert's record stands under a checkpoint, as checked.

    Attributes:
        leaf_sha256: the record's leaf hash (RFC 6962), 64 hexadecimal digits.
        size: records that the checkpoint covers.
        root_sha256: its root.
        proof: from the record's sibling up.
        witnesses: names of those who cosigned a checkpoint that covers the record.
    """

    leaf_sha256: str
    size: int
    root_sha256: str
    proof: tuple[str, ...]
    witnesses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """All that can be told of one alert.

    Attributes:
        chain: from the ledger.
        leaf_sha256: the leaf hash of its record.
        frame: what its row says of the frame; None once the row is deleted.
        authority: what the deployment's life says of the authority; None if it is not kept.
        due_utc: by when each kind of its data must be gone; None where that is not counted yet.
        held_until_utc: until when it is held beyond that, by kind.
        proved: None as long as no checkpoint covers it.
    """

    chain: Chain
    leaf_sha256: str
    frame: Mapping[str, JsonValue] | None
    authority: Mapping[str, JsonValue] | None
    due_utc: Mapping[DataKind, datetime | None]
    held_until_utc: Mapping[DataKind, datetime]
    proved: Proved | None

    def gaps(self) -> tuple[str, ...]:
        """Return what is missing of the chain, each as a sentence."""
        found = [sentence for kind in _KINDS if (sentence := self._gap_of(kind)) is not None]
        if self.frame is None:
            found.append(
                "When the frame was captured is not known any more: the alert's facts are deleted."
            )
        if not any(link.what.startswith("counts of") for link in self.chain.links):
            found.append("The counts of its minute are not recorded yet.")
        if self.chain.n_hidden:
            found.append("A review is not told as long as another one is awaited.")
        if self.proved is None:
            found.append("No signed checkpoint covers its record yet.")
        elif not self.proved.witnesses:
            found.append("No witness has cosigned a checkpoint that covers its record.")
        return tuple(found)

    def _gap_of(self, kind: DataKind) -> str | None:
        if self.chain.receipts(kind):
            return None
        if self.chain.begun(kind):
            return f"No receipt of the {kind} yet: the deletion has begun, its bytes are not gone."
        due, held = self.due_utc.get(kind), self.held_until_utc.get(kind)
        when = "not counted before the deployment's end" if due is None else format_utc(due)
        until = "" if held is None else f"; held until {format_utc(held)}"
        return f"No receipt of the {kind} yet: due {when}{until}."


class Tracer:
    """Tells alerts' chains. Safe to use from any thread."""

    def __init__(
        self, database: Database, ledger: StoredLedger, alerts: AlertArchive, clock: Clock
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._alerts = alerts
        self._clock = clock

    def find(self, beginning: str) -> Numbered:
        """Return the record of the one alert whose id begins so, whether its rows are there or not.

        Raises:
            InputError: there is none, or several.
            IntegrityError: a record was altered.
            StorageError: the ledger cannot be read.
        """
        if not beginning or not beginning.isascii():
            raise InputError("There is no alert of that id.")
        with self._database.read() as session:
            return find_raised(_records(session, (f'"alert":"{beginning}'.encode(),)), beginning)

    def trace(self, raised: Numbered, reader: PersonId | None = None) -> Trace:
        """Return all that can be told of an alert.

        Args:
            raised: what :meth:`find` gave.
            reader: who is told; a review is hidden from whoever might give the next.

        Raises:
            IntegrityError: what is kept was altered, or does not match the ledger.
            StorageError: it cannot be read.
        """
        now_utc, leaf = self._clock.now_utc(), leaf_hash(raised.record.to_bytes())
        with self._database.read() as session:
            records = tuple(_records(session, needles(raised.record)))
            spared = _deletions_that_spared(session, str(raised.record.body["alert"]))
            chain = chain_of(raised, records, reader, spared)
            row = session.get(DeploymentLifeRow, chain.deployment)
            life = None if row is None else Life.parse(row.document)
            due = _due(session, life, raised, now_utc)
            held = _held(session, chain, now_utc)
        return Trace(
            chain=chain,
            leaf_sha256=leaf.hex(),
            frame=self._frame(raised),
            authority=None if life is None else _authority(life),
            due_utc=due,
            held_until_utc=held,
            proved=self._proved(raised, leaf),
        )

    def _frame(self, raised: Numbered) -> Mapping[str, JsonValue] | None:
        body = raised.record.body
        alert = self._alerts.get(AlertId(str(body["alert"])))
        if alert is None:
            return None
        if facts_sha256(alert) != body["facts_sha256"]:
            raise IntegrityError("The alert that is kept does not match its record.")
        return {
            "captured_utc": format_utc(alert.captured_utc),
            "camera": alert.camera,
            "frame_sequence": alert.frame_sequence,
            "latency_ms": round(alert.latency_s * 1000),
            "threshold_micro": round(alert.threshold * 1_000_000),
        }

    def _proved(self, raised: Numbered, leaf: bytes) -> Proved | None:
        try:
            found = self._ledger.prove(raised.seq)
        except InputError:
            return None  # no checkpoint covers it yet
        checkpoint = Checkpoint.parse(parse_note(found.note).text)
        verify_inclusion(leaf, raised.seq, checkpoint.size, found.proof, checkpoint.root)
        witnesses = (
            each.verifier.name
            for each in self._ledger.witnesses()
            if each.cosigned_size > raised.seq
        )
        return Proved(
            leaf_sha256=leaf.hex(),
            size=checkpoint.size,
            root_sha256=checkpoint.root.hex(),
            proof=tuple(each.hex() for each in found.proof),
            witnesses=tuple(sorted(witnesses)),
        )


def _records(session: Session, wanted: Sequence[bytes]) -> Iterator[Numbered]:
    rows = select(LedgerRecordRow.seq, LedgerRecordRow.record).order_by(LedgerRecordRow.seq)
    for seq, data in session.execute(rows.execution_options(yield_per=_BATCH)):
        if any(each in data for each in wanted):
            try:
                yield Numbered(seq, LedgerRecord.parse(data))
            except InputError as error:
                raise IntegrityError(f"Ledger record {seq} was altered.") from error


def _deletions_that_spared(session: Session, alert: str) -> frozenset[str]:
    rows = session.execute(select(DeletionRow.id, DeletionRow.begun))
    try:
        return frozenset(id_ for id_, data in rows if alert in Begun.parse(data).spared)
    except InputError as error:
        raise IntegrityError("A deletion that the store keeps was altered.") from error


def _authority(life: Life) -> Mapping[str, JsonValue] | None:
    given = life.authority
    if given is None:
        return None
    return {
        "authoriser": given.authoriser,
        "rank": given.rank,
        "route": str(given.route),
        "issued_utc": format_utc(given.issued_utc),
        "starts_utc": format_utc(given.starts_utc),
        "ends_utc": format_utc(given.ends_utc),
        "ratified_by": given.ratified_by,
        "watchlist": life.application.watchlist,
        "capability_sha256": given.capability_sha256,
        "application_sha256": life.application.sha256,
        "policy_sha256": life.application.bindings.policy_sha256,
    }


def _due(
    session: Session, life: Life | None, raised: Numbered, now_utc: datetime
) -> Mapping[DataKind, datetime | None]:
    if life is None:
        return MappingProxyType({})
    adopted = adopted_pack(session, Sha256(life.application.bindings.policy_sha256))
    if adopted is None:
        return MappingProxyType({})
    since: dict[Moment, datetime] = {
        "alert": raised.record.time_utc,
        "capture": raised.record.time_utc,
        **deployment_moments(life, now_utc),
    }
    due: dict[DataKind, datetime | None] = {}
    for kind in _KINDS:
        period = adopted.pack.rules.retention.of(kind)
        begins = since.get(period.counted_from)
        due[kind] = None if begins is None else period.due_utc(begins)
    return MappingProxyType(due)


def _held(session: Session, chain: Chain, now_utc: datetime) -> Mapping[DataKind, datetime]:
    standing = standing_holds(session, now_utc)
    owners = (Owner(OwnerKind.ALERT, chain.alert), Owner(OwnerKind.DEPLOYMENT, chain.deployment))
    held: dict[DataKind, datetime] = {}
    for kind in _KINDS:
        ends = [standing.until(each.kind, each.id, kind) for each in owners]
        latest = max((each for each in ends if each is not None), default=None)
        if latest is not None:
            held[kind] = latest
    return MappingProxyType(held)
