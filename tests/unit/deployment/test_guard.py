"""What the guard answers, for each way in which a deployment can stand."""

from dataclasses import replace
from datetime import timedelta

import pytest

from overt.core.clock import ManualClock
from overt.core.errors import AuthorityError, StorageError
from overt.deployment.authority import Authority
from overt.deployment.guard import LEAVE_S, Go, Guard, Over, PauseCause, Paused, Standing
from overt.deployment.life import LifeEvent, LifeState, Step
from overt.store.store import Store


@pytest.fixture(scope="module")
def given(tmp_path_factory, authorised, watchlist):
    """A live deployment as a store had it: how it stands, its capability, its people."""
    clock = ManualClock()
    with Store.open(tmp_path_factory.mktemp("guard") / "home", clock) as store:
        found = authorised(store, clock, watchlist)
        found.go_live()
        return store.lives.standing(found.id), found.capability, found.force


class Reader:
    """A store in which a deployment stands as the test says."""

    def __init__(self, standing):
        self.now = standing

    def standing(self, deployment):
        if isinstance(self.now, Exception):
            raise self.now
        return self.now


class Case:
    """A guard over a deployment that the test changes."""

    def __init__(self, given, clock):
        self.standing, self.capability, force = given
        self.clock, self.pack = clock, force.pack
        self.reader = Reader(self.standing)
        self.beats = dict.fromkeys(sorted(self.standing.life.present()), 0)
        self.guard = Guard(
            authority=Authority(self.capability, clock),
            capability_file=self.standing.capability_file,
            pack=self.pack,
            reader=self.reader,
            key_of=lambda person: force.key_of(person).public_key(),
            clock=clock,
        )

    def stands(self, **changes):
        life = {name: changes.pop(name) for name in tuple(changes) if name != "policy_sha256"}
        self.reader.now = replace(
            self.standing,
            beats=dict(self.beats),
            life=self.standing.life.model_copy(update=life),
            **changes,
        )

    def after(self, event, state, by=None, reason=""):
        """The life with one more step."""
        last = self.standing.life.steps[-1]
        step = Step(
            number=last.number + 1, event=event, state=state, by=by, at_utc=last.at_utc,
            reason=reason,
        )  # fmt: skip
        steps = (*self.standing.life.steps, step)
        self.stands(state=state, steps=steps, version=step.number)

    def all_present(self):
        """Look once, have everybody say that they are there, and look again."""
        self.guard.look()
        for officer in self.beats:
            self.beats[officer] += 1
        self.stands()
        return self.guard.look()


@pytest.fixture
def case(given, clock):
    return Case(given, clock)


def test_live_and_everybody_present(case):
    answer = case.all_present()
    assert answer == Go(case.clock.monotonic_s() + LEAVE_S)


def test_who_is_not_heard_of_is_named(case):
    case.guard.look()
    silent, heard = case.beats
    case.beats[heard] += 1
    case.stands()
    answer = case.guard.look()
    assert isinstance(answer, Paused)
    assert answer.cause is PauseCause.PRESENCE
    assert not answer.may_resume
    assert answer.reason.endswith(f"Not heard of: {silent}.")
    assert "within the last 30 seconds" in answer.reason


def test_what_a_person_paused_waits_for_a_person(case):
    case.all_present()
    case.after(LifeEvent.PAUSE, LifeState.PAUSED, "op-1", "a fight")
    answer = case.guard.look()
    assert (answer.reason, answer.cause) == ("op-1 has paused it: a fight", PauseCause.PERSON)
    assert not answer.may_resume


def test_what_paused_of_itself_may_resume_once_everybody_is_present(case):
    case.after(LifeEvent.PAUSE, LifeState.PAUSED, None, "silence")
    assert not case.guard.look().may_resume
    for officer in case.beats:
        case.beats[officer] += 1
    case.after(LifeEvent.PAUSE, LifeState.PAUSED, None, "silence")
    assert case.guard.look().may_resume


@pytest.mark.parametrize(
    ("event", "state", "by", "says"),
    [
        (LifeEvent.END, LifeState.ENDED, "op-1", "The deployment was ended by op-1: enough"),
        (
            LifeEvent.REFUSE_RATIFICATION,
            LifeState.ENDED,
            "ao-1",
            "The urgent authority was refused afterwards by ao-1: enough",
        ),
        (LifeEvent.CLOSE, LifeState.CLOSED, "ao-1", "The deployment is closed by ao-1: enough"),
    ],
)
def test_what_somebody_ended_is_over(case, event, state, by, says):
    case.all_present()
    case.after(event, state, by, "enough")
    assert case.guard.look() == Over(says)


def test_what_lapsed_is_over_by_time(case):
    case.all_present()
    case.after(LifeEvent.LAPSE, LifeState.ENDED)
    assert case.guard.look() == Over("The authority has ended.", by_time=True)


def test_the_window_closes_whatever_the_life_says(case):
    case.all_present()
    case.clock.advance(timedelta(hours=1).total_seconds())
    assert case.guard.look() == Over("The authority has ended.", by_time=True)


@pytest.mark.parametrize(
    "state", [LifeState.DRAFT, LifeState.AUTHORISED, LifeState.READY, LifeState.REFUSED]
)
def test_what_is_not_live_is_over(case, state):
    case.all_present()
    case.stands(state=state)
    assert isinstance(case.guard.look(), Over)


@pytest.mark.parametrize("in_force", ["0" * 64, None])
def test_another_policy_voids_the_authority(case, in_force):
    case.all_present()
    case.stands(policy_sha256=in_force)
    assert case.guard.look() == Over("Another version of the policy was put into force.")


def test_another_application_voids_the_authority(case):
    case.all_present()
    other = case.standing.life.application.model_copy(update={"title": "Another"})
    case.stands(application=other)
    assert case.guard.look() == Over("The deployment is not the one that was authorised.")


def test_another_capability_voids_the_authority(case):
    case.all_present()
    other = case.standing.life.authority.model_copy(update={"capability_sha256": "0" * 64})
    case.stands(authority=other)
    assert case.guard.look() == Over("The deployment's capability was changed.")


def test_no_authority_any_more_is_over(case):
    case.all_present()
    case.stands(authority=None)
    assert isinstance(case.guard.look(), Over)


def test_a_deployment_that_is_gone_is_over(case):
    case.reader.now = None
    assert case.guard.look() == Over("The deployment is not in the store any more.")


def test_what_cannot_be_read_raises(case):
    case.reader.now = StorageError("The disk is gone.")
    with pytest.raises(StorageError):
        case.guard.look()


def test_under_another_pack_there_is_no_guard(case, pack_toml):
    from overt.policy.pack import load_pack

    other = load_pack(pack_toml.replace(b'version = "', b'version = "9'))
    with pytest.raises(AuthorityError, match="policy pack is not the one"):
        Guard(
            authority=Authority(case.capability, case.clock),
            capability_file=case.standing.capability_file,
            pack=other,
            reader=case.reader,
            key_of=lambda person: None,
            clock=case.clock,
        )


def test_a_standing_holds_all_of_one_moment(case):
    assert isinstance(case.standing, Standing)
    assert case.standing.policy_sha256 == case.pack.sha256
