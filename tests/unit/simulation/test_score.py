import pytest

from overt.simulation.config import StreetConfig
from overt.simulation.score import TruthScore, score_alerts
from overt.simulation.truth import Passage, Sighting, Truth


def passage(person: str, first: int, last: int, left: float = 100.0) -> Passage:
    seen = tuple(
        Sighting(f, (left + f, 50.0, left + f + 40, 104.0), 54.0, 0.0)
        for f in range(first, last + 1)
    )
    return Passage(person, first, last, first / 10, last / 10, seen)


@pytest.fixture
def truth() -> Truth:
    passages = (
        passage("a", 0, 50),
        passage("b", 10, 60, left=600.0),
        passage("a", 100, 150),
        passage("stranger", 20, 80, left=900.0),
    )
    return Truth(config=StreetConfig(fps=10), n_frames=200, clip_sha256=None, passages=passages)


LISTED = {"a", "b"}


@pytest.mark.parametrize(
    ("alerts", "expected"),
    [
        ([], TruthScore(3, 0, 0, 0, 0)),
        ([("a", 2.0, None)], TruthScore(3, 1, 0, 0, 0)),
        ([("a", 2.0, (120.0, 50.0, 160.0, 104.0))], TruthScore(3, 1, 0, 0, 0)),
        ([("a", 2.0, None), ("a", 3.0, None)], TruthScore(3, 1, 0, 0, 1)),
        ([("a", 2.0, None), ("b", 2.0, None), ("a", 11.0, None)], TruthScore(3, 3, 0, 0, 0)),
        # Named while not in view, named at somebody else's face, or not listed at all.
        ([("a", 8.0, None)], TruthScore(3, 0, 0, 1, 0)),
        ([("a", 2.0, (620.0, 50.0, 660.0, 104.0))], TruthScore(3, 0, 0, 1, 0)),
        ([("stranger", 3.0, None)], TruthScore(3, 0, 0, 1, 0)),
        # Just outside the passage counts, farther outside does not.
        ([("a", 5.15, None)], TruthScore(3, 1, 0, 0, 0)),
        ([("a", 5.35, None)], TruthScore(3, 0, 0, 1, 0)),
    ],
)
def test_score(truth, alerts, expected):
    assert score_alerts(truth, alerts, LISTED) == expected
    assert score_alerts(truth, alerts[::-1], LISTED) == expected


def test_a_repeat_within_the_fold_window_is_not_missed(truth):
    alerts = [("a", 2.0, None)]
    assert score_alerts(truth, alerts, {"a"}, fold_s=10.0) == TruthScore(2, 1, 1, 0, 0)
    assert score_alerts(truth, alerts, {"a"}, fold_s=5.0) == TruthScore(2, 1, 0, 0, 0)


def test_an_empty_list_has_only_false_alerts(truth):
    assert score_alerts(truth, [("a", 2.0, None)], set()) == TruthScore(0, 0, 0, 1, 0)


def test_two_passages_at_once_share_the_alerts():
    both = (passage("a", 0, 50), passage("a", 0, 50, left=700.0))
    truth = Truth(config=StreetConfig(fps=10), n_frames=60, clip_sha256=None, passages=both)
    score = score_alerts(truth, [("a", 2.0, None), ("a", 2.5, None)], {"a"})
    assert score == TruthScore(2, 2, 0, 0, 0)


def test_an_alert_that_says_only_when_does_not_use_up_the_passage_of_another():
    """The first could be of either passage, the second of the first passage alone."""
    both = (passage("a", 0, 50), passage("a", 30, 90, left=700.0))
    truth = Truth(config=StreetConfig(fps=10), n_frames=100, clip_sha256=None, passages=both)
    located = (130.0, 50.0, 170.0, 104.0)
    for alerts in (
        [("a", 3.2, None), ("a", 4.0, (140.0, 50.0, 180.0, 104.0))],
        [("a", 1.0, None), ("a", 4.0, None)],
        [("a", 3.0, located), ("a", 3.2, None), ("a", 3.3, None)],
    ):
        score = score_alerts(truth, alerts, {"a"})
        assert (score.found, score.false_alerts) == (2, 0)
        assert score.duplicate_alerts == len(alerts) - 2
