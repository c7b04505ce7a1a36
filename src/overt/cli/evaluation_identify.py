"""What ``overt eval identify`` computes, prints and writes."""

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import overt
from overt.cli import wiring
from overt.cli.evaluation_data import Source, Sources
from overt.core.clock import SystemClock, format_utc
from overt.core.errors import InputError, StorageError
from overt.evaluation.evaluate import DEFAULT_RATES, evaluate
from overt.evaluation.figures import Evaluation, OperatingPoint
from overt.evaluation.label_errors import LikelyError
from overt.evaluation.labelled import LabelledSet
from overt.evaluation.normalisation import Kind, fitting
from overt.evaluation.protocol import Plan
from overt.evaluation.record import EvaluationRecord, RecordSource, plain, sign_record
from overt.evaluation.templates import ACQUISITION
from overt.watchlist.quality import REFERENCE_GATE


def measure(
    sources: Sources,
    *,
    list_size: int,
    n_references: int,
    n_draws: int,
    seed: int,
    scores: Kind,
    cohort_size: int,
    rates: Sequence[float] | None,
) -> Evaluation:
    """Evaluate what was read. References must pass the gate that a watchlist's must.

    Raises:
        InputError: there are too few people.
    """
    number = {person: index for index, person in enumerate(sources.data.labelled.people)}
    whose = np.array([number[each.person] for each in sources.data.labelled.pictures], np.int64)
    return evaluate(
        sources.data.pool(sources.exclusions),
        None if sources.others is None else sources.others.pool(sources.exclusions),
        Plan(list_size, n_references, n_draws, seed, cohort_size),
        fit=fitting(scores),
        rates=rates or DEFAULT_RATES,
        gate=REFERENCE_GATE,
        kin=[
            (np.flatnonzero(whose == number[a]), np.flatnonzero(whose == number[b]))
            for a, b in sources.exclusions.kin
            if a in number and b in number
        ],
    )


def as_json_object(sources: Sources, found: Evaluation) -> dict[str, Any]:
    """Return what ``--json`` prints: the results, and all that they rest on."""
    return {
        "results": [_result(point) for point in found.points],
        "watchlist_size": found.plan.list_size,
        "seed": found.plan.seed,
        "scoring": found.scoring,
        "contract": sources.contract,
        "data_sha256": sources.data.digests.data_sha256,
        "nonmated_sha256": sources.others and sources.others.digests.data_sha256,
        "exclusions_sha256": sources.exclusions.sha256,
        "n_excluded_people": len(sources.exclusions.people),
        "n_exclusion_lines_unused": sources.exclusions.n_lines_unused,
        "evaluation": plain(found),
    }


def _result(point: OperatingPoint) -> dict[str, Any]:
    interval = point.tpir_interval
    return {
        "fpir": point.fpir,
        "threshold": point.threshold,
        "tpir": point.tpir,
        "tpir_low": None if interval is None else interval.low,
        "tpir_high": None if interval is None else interval.high,
        "fpir_measured": point.fpir_measured,
        "fpir_low": point.fpir_interval.low,
        "fpir_high": point.fpir_interval.high,
        "n_mated": point.n_mated,
        "n_nonmated": point.n_nonmated,
        "n_found": point.n_found,
        "n_false": point.n_false,
        "enough": point.enough,
    }


def write_record(
    path: Path, sources: Sources, found: Evaluation, acting: Path | None
) -> str | None:
    """Write the evaluation record; return who signed it, or None if nobody did.

    Raises:
        InputError: there is a file already, or the key is none.
        PolicyError: nobody in the register has this key.
        StorageError: it cannot be written.
    """
    clock = SystemClock()
    record = EvaluationRecord(
        made_utc=format_utc(clock.now_utc()),
        software=f"overt {overt.__version__}",
        contract=sources.contract,
        models=dict(sources.models),
        runs_on=sources.runs_on,
        acquisition=ACQUISITION,
        data=_record_source(sources.data),
        nonmated=None if sources.others is None else _record_source(sources.others),
        exclusions_sha256=sources.exclusions.sha256,
        n_excluded_people=len(sources.exclusions.people),
        n_excluded_pictures=len(sources.exclusions.pictures),
        evaluations=(found,),
    )
    person = None
    if acting is None:
        data = record.to_bytes()
    else:
        from overt.cli.identity import act_as

        with wiring.open_store(clock) as store:
            identity = act_as(store, acting)
            person = identity.person.id
            data = sign_record(record, person, identity.key)
    _write_new(path, data)
    return person


def _record_source(source: Source) -> RecordSource:
    return RecordSource(
        data_sha256=source.digests.data_sha256,
        n_pictures=len(source.labelled.pictures),
        n_people=len(source.labelled.people),
        n_unacquired=int(np.count_nonzero(~source.templates.acquired)),
    )


def write_label_errors(path: Path, labelled: LabelledSet, pairs: Sequence[LikelyError]) -> None:
    """Write the pairs as a table, readable by its owner alone.

    Raises:
        InputError: there is a file already.
        StorageError: it cannot be written.
    """
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(["# similarity", "relation", "person", "other", "picture", "other_picture"])
    for each in pairs:
        a, b = labelled.pictures[each.first], labelled.pictures[each.second]
        table.writerow([f"{each.similarity:.4f}", "same", a.person, b.person, a.name, b.name])
    _write_new(path, text.getvalue().encode("utf-8", "surrogatepass"))


def _write_new(path: Path, data: bytes) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
    except FileExistsError:
        raise InputError("There is a file of that name already; it is not replaced.") from None
    except OSError as error:
        raise StorageError("The file could not be written.") from error
