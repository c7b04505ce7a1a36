"""Everything that is kept and has a deadline, as the tables have it now.

:data:`RULE_OF` says for each table under which kind of data of the policy pack its rows stand, or
why they have no deadline; a test holds it against the tables that there are.

Invariants: each row of a table with a rule is part of exactly one thing that is returned; nothing
is decrypted.
Must not: decide what is due.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from overt.core.errors import InputError, IntegrityError
from overt.core.ids import PersonId
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.policy.pack_data import DataKind, Moment
from overt.retention.schedule import Kept, Owner, OwnerKind, Subject
from overt.store.inventory_lists import kept_of_lists
from overt.store.models import (
    AlertPictureRow,
    AlertRow,
    AlertStepRow,
    DeploymentRow,
    PersonRow,
    PolicyPackRow,
    PresenceBeatRow,
    StoreFactRow,
)
from overt.store.models_ledger import LedgerRecordRow
from overt.store.models_retention import MembershipRow
from overt.store.people import registered_person, struck_off_fact
from overt.store.surroundings import Surroundings

RULE_OF: Final[Mapping[str, DataKind | str]] = MappingProxyType(
    {
        "alerts": DataKind.ALERT,
        "alert_steps": DataKind.ALERT,
        "alert_pictures": DataKind.PICTURE,
        "deployments": DataKind.PICTURE,
        "presence_beats": DataKind.PICTURE,
        "watchlists": DataKind.WATCHLIST,
        "watchlist_entries": DataKind.WATCHLIST,
        "watchlist_imports": DataKind.WATCHLIST,
        "imported_rows": DataKind.WATCHLIST,
        "import_media": DataKind.IMPORT_MEDIUM,
        "list_members": DataKind.MEMBERSHIP,
        "memberships": DataKind.MEMBERSHIP,
        "people": DataKind.ACCOUNT,
        "ledger_records": DataKind.AUDIT,
        "ledger_tiles": DataKind.AUDIT,
        "ledger_checkpoints": DataKind.AUDIT,
        "ledger_witnesses": DataKind.AUDIT,
        "ledger_cosignatures": DataKind.AUDIT,
        "deletions": DataKind.AUDIT,
        "holds": DataKind.AUDIT,
        "deployment_lives": DataKind.AUDIT,
        "watchlist_lives": DataKind.AUDIT,
        "policy_packs": DataKind.AUDIT,
        "runs": "counts of a run, and nothing about a person",
        "count_minutes": "counts of a minute, and nothing about a person",
        "store_facts": "the store's own settings",
    }
)
"""The kind of data of each table. Of ``deployments`` it is the key; its row stays as a record."""

_BATCH: Final = 1000


def inventory(session: Session, around: Surroundings) -> list[Kept]:
    """Return everything that is kept and has a deadline.

    Args:
        session: of the transaction that looks, or deletes.
        around: what it takes besides the tables.

    Raises:
        IntegrityError: what is kept was altered.
    """
    return [
        *_alerts(session, around),
        *_pictures(session, around),
        *kept_of_lists(session, around),
        *_memberships(session, around),
        *_accounts(session),
    ]


def audit_since_utc(session: Session) -> datetime | None:
    """Return the time of the ledger's first record; None if there is none.

    Raises:
        IntegrityError: it was altered.
    """
    first = session.get(LedgerRecordRow, 0)
    return None if first is None else _record(first).time_utc


def _alerts(session: Session, around: Surroundings) -> Iterator[Kept]:
    has_pictures = exists().where(AlertPictureRow.alert_id == AlertRow.id)
    wanted = select(AlertRow.id, AlertRow.deployment_id, AlertRow.captured_utc, has_pictures)
    for id_, deployment, captured_utc, pictured in session.execute(wanted):
        since: dict[Moment, datetime] = {"alert": captured_utc, "capture": captured_utc}
        yield Kept(
            Subject.ALERT,
            Owner(OwnerKind.ALERT, id_),
            1,
            since | dict(around.moments_of(deployment)),
            within=(Owner(OwnerKind.DEPLOYMENT, deployment),),
            goes_with=(DataKind.PICTURE,) if pictured else (),
            policy_sha256=around.policy_of(deployment),
        )


def _pictures(session: Session, around: Surroundings) -> Iterator[Kept]:
    alerts: dict[str, list[Owner]] = defaultdict(list)
    has_note = exists().where(
        AlertStepRow.alert_id == AlertRow.id, AlertStepRow.ciphertext.is_not(None)
    )
    has_any = or_(exists().where(AlertPictureRow.alert_id == AlertRow.id), has_note)
    for id_, deployment in session.execute(
        select(AlertRow.id, AlertRow.deployment_id).where(has_any)
    ):
        alerts[deployment].append(Owner(OwnerKind.ALERT, id_))
    keyed = select(DeploymentRow.id).where(DeploymentRow.wrapped_key.is_not(None))
    said_there = select(PresenceBeatRow.deployment_id).distinct()
    for deployment in sorted({*alerts, *session.scalars(keyed), *session.scalars(said_there)}):
        yield Kept(
            Subject.PICTURES,
            Owner(OwnerKind.DEPLOYMENT, deployment),
            len(alerts[deployment]),
            around.moments_of(deployment),
            parts=tuple(alerts[deployment]),
            policy_sha256=around.policy_of(deployment),
        )


def _memberships(session: Session, around: Surroundings) -> Iterator[Kept]:
    wanted = select(MembershipRow.deployment_id, MembershipRow.n_people, MembershipRow.expires_utc)
    for deployment, n_people, expires_utc in session.execute(wanted):
        yield Kept(
            Subject.MEMBERSHIP,
            Owner(OwnerKind.DEPLOYMENT, deployment),
            n_people,
            around.moments_of(deployment),
            fixed_utc=expires_utc,
            policy_sha256=around.policy_of(deployment),
        )


def _accounts(session: Session) -> Iterator[Kept]:
    signers = frozenset(session.scalars(select(PolicyPackRow.signed_by)))
    for id_ in session.scalars(select(PersonRow.id).order_by(PersonRow.id)).all():
        person = registered_person(session, PersonId(id_))
        if person is None or not person.struck_off:
            continue
        # A pack that is kept is checked by its signer's key each time that it is read.
        since: dict[Moment, datetime] = {}
        if id_ not in signers:
            since["account-closed"] = _struck_off_utc(session, person.id)
        yield Kept(Subject.ACCOUNT, Owner(OwnerKind.PERSON, id_), 1, since)


def _struck_off_utc(session: Session, person: PersonId) -> datetime:
    """Return when somebody was struck off: the time of the last record of their entry."""
    fact = session.get(StoreFactRow, struck_off_fact(person))
    rows = select(LedgerRecordRow)
    if fact is not None and fact.value.isdecimal():
        rows = rows.where(LedgerRecordRow.seq == int(fact.value))
    version = session.scalar(select(PersonRow.version).where(PersonRow.id == person))
    newest_first = rows.order_by(LedgerRecordRow.seq.desc()).execution_options(yield_per=_BATCH)
    for row in session.scalars(newest_first):
        record = _record(row)
        is_about_them = record.kind is RecordKind.PERSON_CHANGED
        if is_about_them and (record.body["person"], record.body["version"]) == (person, version):
            return record.time_utc
    raise IntegrityError("The register of people does not match the ledger.")


def _record(row: LedgerRecordRow) -> LedgerRecord:
    try:
        return LedgerRecord.parse(row.record)
    except InputError as error:
        raise IntegrityError(f"Ledger record {row.seq} was altered.") from error
