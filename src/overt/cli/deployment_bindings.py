"""What an application is bound to: the list, the models, the threshold and the policy in hand."""

from typing import TYPE_CHECKING

from overt.cli import wiring
from overt.core.errors import InputError, IntegrityError, StateError
from overt.core.ids import WatchlistId

if TYPE_CHECKING:
    from overt.core.ids import ContractId
    from overt.deployment.application import Bindings, Evidence
    from overt.deployment.form import Form, ThresholdSection
    from overt.policy.pack import PolicyPack
    from overt.store.store import Store
    from overt.watchlist.stored import WatchlistSummary


def bind(form: "Form", store: "Store") -> "Bindings":
    """Return the digests of what a form names, as they are here and now.

    Raises:
        InputError: there is no such list or policy, or no measurement supports the threshold.
        StateError: the list is not frozen.
        IntegrityError: the list was made with other models than those in hand.
    """
    from overt.deployment.application import Bindings

    pack = _pack(form.deployment.policy, store)
    listed = _frozen_list(WatchlistId(form.deployment.watchlist), store)
    pins = wiring.model_pins()
    if listed.contract != pins.contract:
        raise IntegrityError(
            "The watchlist was made with another model; import its pictures again with this one."
        )
    threshold, evidence = _threshold(form.threshold, pins.contract, listed.n_entries)
    return Bindings(
        policy_sha256=pack.sha256,
        watchlist_sha256=listed.manifest_sha256,
        contract=pins.contract,
        detector_sha256=pins.detector_sha256,
        threshold=threshold,
        false_alert_one_in=form.threshold.one_in,
        repeat_within_s=form.threshold.repeat_within_s,
        evidence=evidence,
    )


def _pack(pack_id: str, store: "Store") -> "PolicyPack":
    adopted = store.policies.find(pack_id)
    if adopted is None:
        raise InputError(
            "deployment.policy: no policy pack of that name was signed for use here; see overt "
            "policy sign."
        )
    return adopted.pack


def _frozen_list(watchlist: WatchlistId, store: "Store") -> "WatchlistSummary":
    listed = next((each for each in store.watchlists.list() if each.id == watchlist), None)
    if listed is None:
        raise InputError("deployment.watchlist: there is no list of that name here.")
    life = store.watchlist_lives.find(watchlist)
    if life is None or life.frozen is None or life.manifest_sha256 != listed.manifest_sha256:
        raise StateError(
            "deployment.watchlist: the list is not frozen, and only a frozen one can be applied "
            "with; see overt watchlist freeze."
        )
    return listed


def _threshold(
    section: "ThresholdSection", contract: "ContractId", n_entries: int
) -> "tuple[float, Evidence | None]":
    from overt.deployment.application import Evidence
    from overt.deployment.calibration import supporting_evidence

    if section.value is None:
        one_in = section.one_in or 1
        found = supporting_evidence(wiring.calibrations(), contract, n_entries, one_in)
        return found.threshold, found
    own = section.evidence
    if own is None:
        return section.value, None
    return section.value, Evidence(contract=contract, **own.model_dump())
