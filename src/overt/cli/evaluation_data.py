"""What the evaluation commands read: labelled pictures, their templates, who is left out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from overt.cli import wiring
from overt.core.ids import ContractId, Sha256
from overt.evaluation.exclusions import Exclusions, read_exclusions
from overt.evaluation.labelled import DataDigests, LabelledSet, digests, read_labelled
from overt.evaluation.protocol import Pool
from overt.evaluation.templates import Acquirer, TemplateSet, load_or_acquire
from overt.inference.runtimes import Runtime


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One labelled set with its templates.

    Attributes:
        labelled: the pictures.
        digests: what names them.
        templates: of every picture, in order.
    """

    labelled: LabelledSet = field(repr=False)
    digests: DataDigests = field(repr=False)
    templates: TemplateSet = field(repr=False)

    def pool(self, exclusions: Exclusions) -> Pool:
        """Return the people to draw from."""
        return Pool.of(self.labelled, self.templates, exclusions)


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """Everything that one evaluation reads.

    Attributes:
        data: who is listed and searched for.
        others: who is searched and never listed.
        exclusions: who is left out.
        contract: the vector space of the templates.
        models: name → digest of what made them.
        runs_on: runtime, device and precision.
    """

    data: Source
    others: Source | None
    exclusions: Exclusions
    contract: ContractId
    models: dict[str, Sha256]
    runs_on: str


def read_sources(
    data: Path,
    nonmated: Path | None,
    exclude: Path | None,
    *,
    runtime: Runtime,
    device: str,
    keep: bool,
    console: Console,
) -> Sources:
    """Read the data, and make the templates that the cache does not hold.

    Raises:
        OvertError: pictures, exclusions, models or cache cannot be used.
    """
    sets = [read_labelled(path) for path in (data, nonmated) if path is not None]
    exclusions = Exclusions() if exclude is None else read_exclusions(exclude, sets)
    cache = wiring.cache() / "evaluation" if keep else None
    with wiring.open_models(runtime=runtime, device=device) as models:
        acquirer = Acquirer(
            models.still_detector,
            models.embedder,
            models.contract,
            models.dims,
            models.detector_sha256,
        )
        made = [_templates(acquirer, each, cache, console) for each in sets]
        return Sources(
            made[0],
            made[1] if len(made) > 1 else None,
            exclusions,
            models.contract,
            models.software,
            models.runs_on,
        )


def _templates(
    acquirer: Acquirer, labelled: LabelledSet, cache: Path | None, console: Console
) -> Source:
    data = digests(labelled)
    with _progress(console, len(labelled.pictures)) as progress:
        made = load_or_acquire(acquirer, labelled, data, cache, progress)
    return Source(labelled, data, made)


@contextmanager
def _progress(console: Console, n: int) -> Iterator[Callable[[], None]]:
    with Progress(console=console, transient=True, disable=console.quiet) as shown:
        task = shown.add_task("Templates", total=n)
        yield lambda: shown.advance(task)
