"""Whose cosignatures count here, and those that came.

Invariants: a witness is taken in with its record, and so is each cosignature; a cosignature is kept
only if its witness's key made it for a checkpoint of ours.
Must not: forget a witness; whoever took one in stands in the ledger.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from overt.core.errors import InputError, IntegrityError, StateError
from overt.core.ids import PersonId
from overt.ledger.acts import CheckpointWitnessed, WitnessTrusted
from overt.ledger.canonical import JsonValue
from overt.ledger.cosignature import Cosignature, WitnessVerifier, with_lines
from overt.ledger.kinds import RecordKind
from overt.ledger.notes import NoteVerifier, SignatureLine
from overt.ledger.records import LedgerRecord
from overt.store.ledger_checkpoints import checkpoint_at, opened
from overt.store.ledger_work import UnitOfWork
from overt.store.models_ledger import (
    LedgerCheckpointRow,
    LedgerCosignatureRow,
    LedgerWitnessRow,
)


@dataclass(frozen=True, slots=True)
class TrustedWitness:
    """A party whose cosignatures count here.

    Attributes:
        verifier: its name and key.
        added_utc: when it was taken in.
        added_by: by whom.
        n_cosigned: how many checkpoints it has cosigned.
        cosigned_size: the size of the largest of them; 0 before the first.
    """

    verifier: WitnessVerifier
    added_utc: datetime
    added_by: PersonId
    n_cosigned: int
    cosigned_size: int


def trust(work: UnitOfWork, verifier: WitnessVerifier, by: PersonId, now_utc: datetime) -> None:
    """Take in a witness; nothing happens if it was before.

    Raises:
        StateError: its name stands for another key here, or its key has another name.
    """
    known = trusted(work.session)
    if known.get(verifier.name) == verifier:
        return
    keys = {each.public_key for each in known.values()}
    if verifier.name in known or verifier.public_key in keys:
        raise StateError("A witness's name stands for one key, and a key has one name.")
    work.session.add(
        LedgerWitnessRow(
            name=verifier.name, verifier_key=str(verifier), added_utc=now_utc, added_by=by
        )
    )
    act = WitnessTrusted(verifier.name, verifier.key_id.hex(), by)
    work.append(LedgerRecord.of(act, now_utc))


def add_line(
    work: UnitOfWork, log: NoteVerifier, size: int, line: SignatureLine, now_utc: datetime
) -> Cosignature | None:
    """Keep a cosignature of the checkpoint over the first ``size`` records.

    Returns:
        What it says; None if it is not of a witness whose cosignatures count here.

    Raises:
        InputError: there is no checkpoint of this size.
        IntegrityError: the witness's key did not make it for this checkpoint.
    """
    row = checkpoint_at(work.session, size)
    witness = trusted(work.session).get(line.name)
    if witness is None or not witness.made(line):
        return None
    cosignature = witness.check(line, opened(row, log).text)
    if work.session.get(LedgerCosignatureRow, (size, witness.name)) is None:
        work.session.add(
            LedgerCosignatureRow(
                size=size, witness=witness.name, line=str(line).encode(), at_utc=now_utc
            )
        )
        act = CheckpointWitnessed(witness.name, witness.key_id.hex(), size)
        work.append(LedgerRecord.of(act, now_utc))
    return cosignature


def trusted(session: Session) -> Mapping[str, WitnessVerifier]:
    """Return the witnesses whose cosignatures count here, by name.

    Raises:
        IntegrityError: one was altered.
    """
    rows = session.scalars(select(LedgerWitnessRow).order_by(LedgerWitnessRow.name))
    return {row.name: _verifier(row) for row in rows}


def witnesses(session: Session) -> tuple[TrustedWitness, ...]:
    """Return the witnesses whose cosignatures count here, by name, and how far each has come.

    Raises:
        IntegrityError: one was altered.
    """
    sizes: dict[str, list[int]] = {}
    cosigned = select(LedgerCosignatureRow.witness, LedgerCosignatureRow.size)
    for name, size in session.execute(cosigned):
        sizes.setdefault(name, []).append(size)
    return tuple(
        TrustedWitness(
            _verifier(row),
            row.added_utc,
            PersonId(row.added_by),
            len(sizes.get(row.name, [])),
            max(sizes.get(row.name, [0])),
        )
        for row in session.scalars(select(LedgerWitnessRow).order_by(LedgerWitnessRow.name))
    )


def cosigned_note(session: Session, row: LedgerCheckpointRow) -> bytes:
    """Return a checkpoint with the cosignatures that were kept of it.

    Raises:
        IntegrityError: one was altered.
    """
    rows = session.scalars(
        select(LedgerCosignatureRow)
        .where(LedgerCosignatureRow.size == row.size)
        .order_by(LedgerCosignatureRow.witness)
    )
    return with_lines(row.note, [_line(each) for each in rows])


def check_witnesses(session: Session, log: NoteVerifier, records: Sequence[LedgerRecord]) -> None:
    """Check every cosignature, and that each and each witness has its record.

    Args:
        session: the transaction in which ``records`` were read.
        log: the log's key.
        records: at least every record that a witness was taken in or cosigned, in order.

    Raises:
        IntegrityError: the first thing that does not fit.
    """
    known = trusted(session)
    rows = session.scalars(select(LedgerWitnessRow))
    taken_in = sorted((r.name, known[r.name].key_id.hex(), r.added_by) for r in rows)
    if taken_in != sorted(_bodies(records, RecordKind.WITNESS_TRUSTED, "by")):
        raise IntegrityError("The witnesses that the store keeps do not match the ledger.")
    cosigned = []
    for row in session.scalars(select(LedgerCosignatureRow)):
        witness, checkpoint = known.get(row.witness), session.get(LedgerCheckpointRow, row.size)
        if witness is None or checkpoint is None:
            raise IntegrityError("The store keeps a cosignature of nobody, or of nothing.")
        witness.check(_line(row), opened(checkpoint, log).text)
        cosigned.append((witness.name, witness.key_id.hex(), row.size))
    if sorted(cosigned) != sorted(_bodies(records, RecordKind.CHECKPOINT_WITNESSED, "size")):
        raise IntegrityError("The cosignatures that the store keeps do not match the ledger.")


def _bodies(
    records: Sequence[LedgerRecord], kind: RecordKind, last: str
) -> Iterator[tuple[JsonValue, ...]]:
    bodies = (record.body for record in records if record.kind is kind)
    return ((body["witness"], body["key_id"], body[last]) for body in bodies)


def _line(row: LedgerCosignatureRow) -> SignatureLine:
    try:
        return SignatureLine.parse(row.line.decode())
    except (InputError, UnicodeDecodeError) as error:
        raise IntegrityError("A cosignature that the store keeps was altered.") from error


def _verifier(row: LedgerWitnessRow) -> WitnessVerifier:
    try:
        verifier = WitnessVerifier.parse(row.verifier_key)
    except InputError as error:
        raise IntegrityError("A witness that the store keeps was altered.") from error
    if verifier.name != row.name:
        raise IntegrityError("A witness that the store keeps stands in another's place.")
    return verifier
