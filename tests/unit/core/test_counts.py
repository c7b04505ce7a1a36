import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.core.counts import FaceCounts
from overt.core.errors import ReconciliationError

GOOD = {
    "faces_detected": 5,
    "faces_rejected": 2,
    "rejected_by_reason": {"too_small": 1, "blurred": 1},
    "faces_compared": 3,
    "faces_alerted": 1,
    "faces_erased": 2,
    "repeats": 1,
}
NUMBERS = st.integers(0, 50)


@st.composite
def reconciled(draw):
    alerted, erased = draw(NUMBERS), draw(NUMBERS)
    reasons = draw(st.dictionaries(st.sampled_from(["too_small", "blurred"]), NUMBERS))
    rejected = sum(reasons.values())
    return FaceCounts(
        frames_read=draw(NUMBERS),
        frames_dropped=draw(NUMBERS),
        detections=draw(NUMBERS),
        faces_detected=rejected + alerted + erased,
        faces_rejected=rejected,
        rejected_by_reason=reasons,
        faces_compared=alerted + erased,
        faces_alerted=alerted,
        faces_erased=erased,
        repeats=draw(st.integers(0, erased)),
    )


def test_no_faces_reconcile():
    FaceCounts().check()


@given(st.lists(reconciled(), max_size=5))
def test_sums_of_what_reconciles_reconcile(parts):
    total = sum(parts, FaceCounts())
    total.check()
    assert total.frames_read == sum(part.frames_read for part in parts)
    assert total.repeats == sum(part.repeats for part in parts)


@pytest.mark.parametrize(
    "changes",
    [
        {"faces_detected": 6},
        {"faces_rejected": 1},
        {"faces_compared": 4},
        {"faces_alerted": 2},
        {"faces_erased": 1},
        {"rejected_by_reason": {"too_small": 1}},
        {"rejected_by_reason": {}},
        {"repeats": 3},
    ],
)
def test_every_contradiction_is_reported(changes):
    FaceCounts(**GOOD).check()
    with pytest.raises(ReconciliationError, match="contradict each other"):
        FaceCounts(**(GOOD | changes)).check()


@pytest.mark.parametrize("changes", [{"frames_read": -1}, {"rejected_by_reason": {"blurred": -1}}])
def test_no_count_is_negative(changes):
    with pytest.raises(ValueError):
        FaceCounts(**changes)


def test_counts_do_not_change_with_the_mapping_they_were_made_from():
    reasons = {"blurred": 1}
    counts = FaceCounts(rejected_by_reason=reasons)
    reasons["blurred"] = 2
    assert counts.rejected_by_reason == {"blurred": 1}
