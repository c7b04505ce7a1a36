"""The counts of a run, which must reconcile.

A *face* here is one passage of one face before one camera (a track), not a face in one frame:
``detections`` counts those. A *repeat* is a passage folded into an earlier alert; nothing of its
face is kept, so it is one of the faces erased.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType

from overt.core.errors import ReconciliationError


@dataclass(frozen=True, slots=True)
class FaceCounts:
    """What happened to every frame and every face; all of them 0 or more.

    Attributes:
        frames_read: frames decoded and looked at.
        frames_dropped: frames that came late and were not looked at.
        detections: faces found in single frames, before they are followed.
        faces_detected: passages.
        faces_rejected: passages without a shot good enough to compare.
        rejected_by_reason: ``faces_rejected`` by the reason's code.
        faces_compared: passages compared with the watchlist.
        faces_alerted: passages that raised an alert.
        faces_erased: passages that were compared and then forgotten.
        repeats: those of ``faces_erased`` that were folded into an earlier alert.
    """

    frames_read: int = 0
    frames_dropped: int = 0
    detections: int = 0
    faces_detected: int = 0
    faces_rejected: int = 0
    rejected_by_reason: Mapping[str, int] = field(default_factory=dict)
    faces_compared: int = 0
    faces_alerted: int = 0
    faces_erased: int = 0
    repeats: int = 0

    def __post_init__(self) -> None:
        """Refuse what no count can be, and keep the reasons from being changed from outside."""
        if any(n < 0 for n in (*self._numbers().values(), *self.rejected_by_reason.values())):
            raise ValueError("a count is 0 or more")
        reasons = MappingProxyType(dict(self.rejected_by_reason))
        object.__setattr__(self, "rejected_by_reason", reasons)

    def __add__(self, other: "FaceCounts") -> "FaceCounts":
        theirs = other._numbers()
        summed = {name: n + theirs[name] for name, n in self._numbers().items()}
        reasons = Counter(self.rejected_by_reason) + Counter(other.rejected_by_reason)
        return FaceCounts(rejected_by_reason=reasons, **summed)

    def check(self) -> None:
        """Assert that no face is unaccounted for.

        Raises:
            ReconciliationError: detected ≠ rejected + compared, compared ≠ alerted + erased,
                rejected ≠ the sum over its reasons, or more repeats than faces erased.
        """
        self._equal("faces detected", self.faces_detected, self.faces_rejected, self.faces_compared)
        self._equal("faces compared", self.faces_compared, self.faces_alerted, self.faces_erased)
        self._equal("faces rejected", self.faces_rejected, *self.rejected_by_reason.values())
        if self.repeats > self.faces_erased:
            raise ReconciliationError(
                f"The counts contradict each other: {self.repeats} repeats, "
                f"but {self.faces_erased} faces erased."
            )

    def _numbers(self) -> dict[str, int]:
        names = (f.name for f in fields(self) if f.name != "rejected_by_reason")
        return {name: getattr(self, name) for name in names}

    @staticmethod
    def _equal(what: str, whole: int, *parts: int) -> None:
        if whole != sum(parts):
            listed = " + ".join(map(str, parts)) or "0"
            raise ReconciliationError(
                f"The counts contradict each other: {what} {whole}, but {listed} accounted for."
            )
