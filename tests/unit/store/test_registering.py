"""A run is registered under the capability that its deployment's life says is in force, or not."""

from datetime import timedelta

import pytest

from overt.alerts.ports import RunStart, StopReason
from overt.core.counts import FaceCounts
from overt.core.errors import IntegrityError
from overt.deployment.acts import Ratify
from overt.deployment.authorising import capability_sha256
from overt.policy.facts import Route
from overt.store.store import Store


@pytest.fixture
def store(tmp_path, clock):
    with Store.open(tmp_path / "lives", clock) as opened:
        yield opened


@pytest.fixture
def urgent(authorised, store, clock, watchlist):
    return authorised(
        store, clock, watchlist, urgency_reason="it cannot wait", lasts=timedelta(hours=8)
    )


@pytest.fixture
def run(store, clock):
    """Open a run under a capability file, and close it."""

    def do(found, file, digest=None):
        sink = store.run()
        capability = found.capability
        sink.start(
            RunStart(
                found.id,
                file,
                digest or capability_sha256(file),
                capability.watchlist_sha256,
                capability.contract,
                capability.rule.threshold,
                capability.cameras,
                clock.now_utc(),
                {},
            )
        )
        sink.stop(FaceCounts(), StopReason.FINISHED, clock.now_utc())

    return do


def test_the_ratified_one_takes_the_place_of_the_urgent_one(urgent, run, store):
    first = urgent.file
    run(urgent, first)
    chief = urgent.force.chief
    urgent.act(Ratify(urgent.force.signed(urgent.life, Route.ORDINARY, chief)), chief)
    with pytest.raises(IntegrityError, match="not the one in force"):
        run(urgent, first)
    run(urgent, urgent.file)
    store.verify()


def test_one_that_nobody_recorded_is_refused_also_the_first_time(urgent, run):
    chief = urgent.force.chief
    with pytest.raises(IntegrityError, match="not the one in force"):
        run(urgent, urgent.force.signed(urgent.life, Route.ORDINARY, chief))


def test_a_digest_that_is_not_of_the_file_is_refused(urgent, run):
    with pytest.raises(IntegrityError, match="not the one in force"):
        run(urgent, urgent.file, "c" * 64)


def test_a_deployment_whose_key_was_destroyed_never_runs_again(urgent, run, store):
    run(urgent, urgent.file)
    assert store.destroy_deployment_key(urgent.id)
    with pytest.raises(IntegrityError, match="key was destroyed"):
        run(urgent, urgent.file)
