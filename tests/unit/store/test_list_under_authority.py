"""A list that an authority stands on is neither purged nor reopened from under it."""

import re
import shutil
from datetime import timedelta

import numpy as np
import pytest

from fixtures.clocks import NOON
from fixtures.deployments import Deployed
from overt.core.clock import ManualClock
from overt.core.errors import StateError
from overt.core.ids import ContractId, EntryId, PersonId, Sha256, WatchlistId
from overt.deployment import acts
from overt.deployment.life import CancellationReport, LifeState
from overt.store.store import Store
from overt.watchlist.decisions import ListState
from overt.watchlist.lifecycle import Actor, purge, reopen
from overt.watchlist.stored import StoredEntry, StoredReference, StoredWatchlist

LASTS = timedelta(hours=2)
REPORT = CancellationReport(
    **dict.fromkeys(CancellationReport.model_fields, "Said in a few words, for the test.")
)


@pytest.fixture(scope="module")
def made(tmp_path_factory, authorised):
    """A home with an authorised deployment, made once: each test has a copy."""
    home, clock = tmp_path_factory.mktemp("made") / "home", ManualClock(NOON)
    reference = StoredReference(np.eye(1, 128, dtype=np.float32)[0], b"a picture")
    entries = (StoredEntry(EntryId("e-0"), "a label", (reference,)),)
    watchlist = StoredWatchlist(
        WatchlistId("list"), "the list", ContractId("contract"), Sha256("a" * 64), entries
    )
    with Store.open(home, clock) as store:
        return home, authorised(store, clock, watchlist, lasts=LASTS, ready=False)


@pytest.fixture
def home(tmp_path, made):
    return shutil.copytree(made[0], tmp_path / "home")


@pytest.fixture
def found(made, store, clock):
    """The deployment, in this test's own store."""
    force = made[1].force
    force._store, force._clock = store, clock
    return Deployed(store, force, made[1].watchlist, made[1].id)


@pytest.fixture
def take(store, found, clock):
    """Purge or reopen the list of the deployment."""

    def do(step):
        lives = store.watchlist_lives
        actor = Actor(found.force.list_manager, clock.now_utc())
        life = step(lives.find(found.watchlist.id), actor)
        (lives.take_purge if step is purge else lives.take)(life)
        return life

    return do


def walk(found, state):
    """Take an authorised deployment to another state with an authority."""
    if state is not LifeState.AUTHORISED:
        found.force.make_ready(found.id)
    if state in {LifeState.LIVE, LifeState.PAUSED}:
        found.go_live()
    if state is LifeState.PAUSED:
        found.act(acts.Pause("A fire alarm."), found.force.operator)
    assert found.life.state is state


@pytest.mark.parametrize("step", [purge, reopen])
@pytest.mark.parametrize(
    "state", [LifeState.AUTHORISED, LifeState.READY, LifeState.LIVE, LifeState.PAUSED]
)
def test_it_is_refused_and_says_which_deployment_to_end(found, store, take, state, step):
    walk(found, state)
    before = store.watchlist_lives.find(found.watchlist.id), len(list(store.ledger.records()))
    reason = f"The deployment {found.id} is {state} and stands on this list: end it first."
    with pytest.raises(StateError, match=re.escape(reason)):
        take(step)
    after = store.watchlist_lives.find(found.watchlist.id), len(list(store.ledger.records()))
    assert after == before
    assert store.watchlists.load(found.watchlist.id) is not None


def test_no_list_without_a_life_is_purged_from_under_an_authority(found, store):
    from sqlalchemy import delete

    from overt.store.models import WatchlistLifeRow

    with store._database.write() as session:
        session.execute(delete(WatchlistLifeRow))
    with pytest.raises(StateError, match="end it first"):
        store.watchlist_lives.forget_without_life(found.watchlist.id, PersonId("somebody"))
    assert store.watchlists.load(found.watchlist.id) is not None


@pytest.mark.parametrize("step", [purge, reopen])
@pytest.mark.parametrize("how", ["ended", "lapsed"])
def test_once_the_authority_is_over_the_list_is_free(found, store, clock, take, how, step):
    if how == "ended":
        found.act(acts.End("Enough."), found.force.operator)
    else:
        clock.advance(LASTS.total_seconds())
    life = take(step)
    assert store.watchlist_lives.find(found.watchlist.id) == life
    store.verify()


def test_closing_still_purges_the_list(found, store):
    found.act(acts.End("Enough."), found.force.operator)
    found.act(acts.WriteReport(REPORT), found.force.requester)
    found.act(acts.Close(), found.force.authoriser)
    assert store.watchlist_lives.find(found.watchlist.id).state is ListState.PURGED
    store.verify()
