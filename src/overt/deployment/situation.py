"""What holds at the moment somebody acts on a deployment: the pack, the list, the clock, who asks.

Invariants: gathered in the transaction in which the act is kept, so that nothing can change between
the question and the answer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from overt.core.ids import PersonId
from overt.policy.facts import ForgetFacts, ListFacts, SignerFacts
from overt.policy.pack import PolicyPack
from overt.policy.roles import Person


@dataclass(frozen=True, slots=True)
class Situation:
    """See the module.

    Attributes:
        now_utc: by the clock of this machine.
        recorded_utc: latest time of any record in the ledger: a clock that stands before it was
            set back.
        pack: the policy pack that the application names.
        is_pack_in_force: whether no other pack of that id was put into its place since.
        by: who acts; None for what happens of itself.
        watchlist: the application's list, as it stands.
        list_manifest_sha256: digest of the frozen list; None if there is no frozen list.
        list_policy_sha256: the policy pack under which it was frozen; None likewise.
        reused_share: says which share of the list a list used at another place has too.
        find: looks somebody up in the register.
        n_open_alerts: alerts of this deployment without a final state.
        n_open_runs: runs of this deployment that are open.
        forgetting: the last test of forgetting on this machine; None if there was none.
    """

    now_utc: datetime
    recorded_utc: datetime | None
    pack: PolicyPack
    is_pack_in_force: bool
    by: Person | None
    watchlist: ListFacts
    list_manifest_sha256: str | None
    list_policy_sha256: str | None
    find: Callable[[PersonId], Person | None]
    reused_share: Callable[[], float]
    n_open_alerts: int = 0
    n_open_runs: int = 0
    forgetting: ForgetFacts | None = None


def signer(person: Person) -> SignerFacts:
    """Return what the rules look at in somebody who signs."""
    return SignerFacts(person.id, person.rank, person.organisation, person.independent)
