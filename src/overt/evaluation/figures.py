"""What an evaluation measures, as values; each says what it counts."""

from dataclasses import dataclass

from overt.evaluation.curves import CurvePoint
from overt.evaluation.groups import GroupTable
from overt.evaluation.intervals import Interval
from overt.evaluation.protocol import Plan


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What is found and what is wrongly flagged at one threshold.

    Attributes:
        fpir: the target.
        threshold: the least at which the FPIR is at most the target; None if any would do.
        fpir_measured: share of non-mated searches that reach it.
        n_false: how many.
        fpir_interval: bootstrap over people; exact, over people, where no search does.
        tpir: share of mated searches whose mate reaches it; None without one.
        n_found: how many.
        tpir_interval: bootstrap over people, threshold drawn anew each time.
        tpir_first: share whose mate reaches it and is the most similar of all.
        n_mated: mated searches, failed ones included.
        n_nonmated: non-mated searches, failed ones included.
        enough: whether so many non-mated searches can show such a rate at all: whether one of them
            may be wrong at it.
    """

    fpir: float
    threshold: float | None
    fpir_measured: float
    n_false: int
    fpir_interval: Interval
    tpir: float | None
    n_found: int
    tpir_interval: Interval | None
    tpir_first: float | None
    n_mated: int
    n_nonmated: int
    enough: bool


@dataclass(frozen=True, slots=True)
class Failures:
    """Who could not be searched for; all of them are in the denominators.

    Attributes:
        n_listed: over all draws.
        n_unenrolled: of them, failures to enrol.
        n_mated: mated searches.
        n_mated_unacquired: of them, without a face.
        n_nonmated: non-mated searches.
        n_nonmated_unacquired: of them, without a face.
    """

    n_listed: int
    n_unenrolled: int
    n_mated: int
    n_mated_unacquired: int
    n_nonmated: int
    n_nonmated_unacquired: int


@dataclass(frozen=True, slots=True)
class Histograms:
    """How scores are spread: counts in bins of equal width.

    Attributes:
        low: where the first bin begins.
        high: where the last one ends.
        mated: scores of mates.
        nonmated: best scores of non-mated searches.
    """

    low: float
    high: float
    mated: tuple[int, ...]
    nonmated: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KinPoint:
    """How often kin are taken for each other, at one operating point.

    Attributes:
        fpir: the point's target.
        n_searches: pictures of one compared with the reference of the other.
        n_reached: of them, at or above the threshold.
    """

    fpir: float
    n_searches: int
    n_reached: int


@dataclass(frozen=True, slots=True)
class Stratum:
    """Searches whose probe measures alike.

    Attributes:
        measure: what is measured; see :data:`overt.evaluation.templates.MEASURES`.
        low: least value of the stratum, of its amount; None where it has no end.
        high: greatest; None where it has no end.
        n_mated: mated searches in it.
        n_found: of them, mates that reach the threshold.
        n_nonmated: non-mated searches in it.
        n_false: of them, those that reach the threshold.
        tpir_interval: bootstrap over people; None without a mated search.
    """

    measure: str
    low: float | None
    high: float | None
    n_mated: int
    n_found: int
    n_nonmated: int
    n_false: int
    tpir_interval: Interval | None


@dataclass(frozen=True, slots=True)
class GroupsAt:
    """The groups of one column at one operating point.

    Attributes:
        fpir: the point's target.
        table: the groups.
    """

    fpir: float
    table: GroupTable


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything that was measured for one list size and one way of scoring.

    Attributes:
        plan: what was drawn.
        scoring: how scores were made.
        points: one for each target.
        n_mated_people: of all mated searches.
        n_nonmated_people: of all non-mated searches.
        failures: to acquire and to enrol.
        det: the error trade-off curve.
        cmc: share of mates among the first candidates, without a threshold.
        histograms: of the scores.
        strata: by measures of the probe, at the last point's threshold.
        groups: by label, at each point.
        kin: kin, as their own row.
    """

    plan: Plan
    scoring: str
    points: tuple[OperatingPoint, ...]
    n_mated_people: int
    n_nonmated_people: int
    failures: Failures
    det: tuple[CurvePoint, ...]
    cmc: tuple[float, ...]
    histograms: Histograms | None
    strata: tuple[Stratum, ...]
    groups: tuple[GroupsAt, ...]
    kin: tuple[KinPoint, ...] = ()
