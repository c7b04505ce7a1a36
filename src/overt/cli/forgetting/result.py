"""What a self-test of forgetting came to."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from overt.core.clock import format_utc


@dataclass(frozen=True, slots=True)
class Find:
    """Something of the canary that was still there.

    Attributes:
        run: which run, from 1.
        where: the file, or the part of memory.
        form: in which form.
    """

    run: int
    where: str
    form: str


@dataclass(frozen=True, slots=True)
class ForgetResult:
    """What was searched and what was found.

    Attributes:
        runs: passages of a canary, each with a face of its own.
        seed: chose the faces; the same one chooses the same again.
        searched_bytes: of memory and files, over all runs; planted searches are not counted.
        memory_bytes: of these, of memory: every page was compared with what it held before the
            face was drawn.
        changed_bytes: of these, what was not the same, and was searched for every form.
        files_bytes: of these, of files.
        n_files: files searched, over all runs.
        left_out_bytes: most that was left out at once: files of others, in folders for everybody,
            that were too large to search.
        found: runs in which anything of the canary was found.
        finds: what, and where; at most a few hundred.
        planted_runs: runs in which copies were planted.
        planted_found: of those, in how many every planted copy was found.
        missed: planted copies that were not found.
        n_forms: forms looked for in a run, at least.
        age_s: greatest time from a passage's end to the moment that was searched.
        stopped_s: greatest time for which the node stood still while it was copied.
        elapsed_s: of the whole test.
        unread_bytes: of memory that the kernel does not let anybody read.
        at_utc: when it ended.
    """

    runs: int
    seed: int
    searched_bytes: int
    memory_bytes: int
    changed_bytes: int
    files_bytes: int
    n_files: int
    left_out_bytes: int
    found: int
    finds: tuple[Find, ...]
    planted_runs: int
    planted_found: int
    missed: tuple[Find, ...]
    n_forms: int
    age_s: float
    stopped_s: float
    elapsed_s: float
    unread_bytes: int
    at_utc: datetime

    @property
    def ok(self) -> bool:
        """Whether nothing was found, and everything that was planted."""
        return self.found == 0 and self.runs > 0 and self.planted_found == self.planted_runs > 0

    def lines(self) -> list[str]:
        """Return it in words."""
        searched = (
            f"{self.runs} faces passed, each another; after each, within {self.age_s:.1f} s, "
            f"{self.memory_bytes / self.runs / 1e6:,.0f} MB of memory (of which "
            f"{self.changed_bytes / self.runs / 1e6:,.0f} MB had changed since) and "
            f"{self.files_bytes / self.runs / 1e6:,.0f} MB of files were searched for "
            f"{self.n_forms} forms of it."
        )
        outcome = (
            f"Found: {self.found} of {self.runs}. "
            f"Planted copies found: {self.planted_found} of {self.planted_runs}."
        )
        words = [searched, outcome]
        if self.left_out_bytes:
            words.append(
                f"Left out: {self.left_out_bytes / 1e6:,.0f} MB of large files in folders for "
                "everybody."
            )
        words += [f"found in run {each.run}: {each.form}, in {each.where}" for each in self.finds]
        words += [f"missed in run {each.run}: {each.form}, in {each.where}" for each in self.missed]
        return words

    def as_dict(self) -> dict[str, Any]:
        """Return it as the documented JSON object."""
        return asdict(self) | {
            "at_utc": format_utc(self.at_utc),
            "ok": self.ok,
            "age_s": round(self.age_s, 3),
            "stopped_s": round(self.stopped_s, 3),
            "elapsed_s": round(self.elapsed_s, 1),
        }
