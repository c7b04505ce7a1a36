"""Puts the result of a test of forgetting on record, where the policy asks for the newest."""

from overt.cli import wiring
from overt.cli.forgetting.result import ForgetResult
from overt.core.ids import PersonId
from overt.ledger.acts import ForgetTested
from overt.store.forget_tests import keep_forget_test, software_digests
from overt.store.store import Store


def on_record(store: Store, result: ForgetResult, by: PersonId | None) -> None:
    """Append the result to the ledger; it is then the newest.

    Raises:
        StorageError: it could not be kept.
    """
    pins = wiring.model_pins()
    test = ForgetTested(
        n_runs=result.runs,
        searched_bytes=result.searched_bytes,
        n_found=result.found,
        n_planted=result.planted_runs,
        n_planted_found=result.planted_found,
        software=software_digests(pins.detector_sha256, pins.contract),
        by=by,
    )
    keep_forget_test(store.ledger, test, result.at_utc)
