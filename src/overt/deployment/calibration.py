"""Thresholds that evidence supports: read from records of measurements, never made up here.

A record belongs to one vector space (contract) and says, for each list size, from which similarity
a stranger's still raised a false candidate once in so many comparisons. A list larger than any that
was measured has no threshold here: the person who authorises must bring evidence of their own.
"""

import tomllib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from overt.core.errors import InputError
from overt.core.ids import ContractId
from overt.deployment.application import Evidence
from overt.deployment.capability import Calibration


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MeasuredThreshold(_Strict):
    """One measured point.

    Attributes:
        n_entries: size of the lists that were measured.
        one_in: strangers for each false candidate at the threshold.
        threshold: cosine similarity.
        n_non_mated: comparisons of strangers with a list that the point rests on.
    """

    n_entries: int = Field(ge=1)
    one_in: int = Field(ge=1)
    threshold: float = Field(gt=0, lt=1)
    n_non_mated: int = Field(ge=1)


class MeasuredLikeness(_Strict):
    """From which similarity on two people of one list are shown for a decision.

    Attributes:
        duplicate_at: likely one person; cosine similarity.
        kin_at: likely kin, or strangers who look alike; at most ``duplicate_at``.
        source: what was measured, when.
    """

    duplicate_at: float = Field(gt=0, lt=1)
    kin_at: float = Field(gt=0, lt=1)
    source: str = Field(min_length=1, max_length=300)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.kin_at > self.duplicate_at:
            raise ValueError("kin are less alike than one person")
        return self


class CalibrationRecord(_Strict):
    """Measured thresholds of one vector space.

    Attributes:
        contract: the vector space.
        measured: the day on which the measurement was finished.
        source: what was measured, and how the ground truth was cleaned.
        points: the measurements.
        alike: what makes two people of a list alike; None if that was not measured.
    """

    contract: str = Field(min_length=1, max_length=200)
    measured: date
    source: str = Field(min_length=1, max_length=300)
    points: tuple[MeasuredThreshold, ...] = Field(min_length=1)
    alike: MeasuredLikeness | None = None


def load_records(folder: Path) -> tuple[CalibrationRecord, ...]:
    """Read every ``*.toml`` of a folder; an absent folder holds no evidence.

    Raises:
        InputError: a file is not a calibration record.
    """
    return tuple(_load(path) for path in sorted(folder.glob("*.toml")))


def _load(path: Path) -> CalibrationRecord:
    try:
        return CalibrationRecord.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise InputError(f"{path.name} is not a calibration record.") from error


def supporting_evidence(
    records: Sequence[CalibrationRecord], contract: ContractId, n_entries: int, one_in: int
) -> Evidence:
    """Return what supports a threshold that keeps false alerts to one in ``one_in`` strangers.

    The smallest measured list that is at least as large, and the smallest measured rate that is at
    least as rare, decide: the answer errs towards fewer false alerts.

    Raises:
        InputError: nothing measured supports it.
    """
    fitting = [
        (point, record)
        for record in records
        if record.contract == contract
        for point in record.points
        if point.n_entries >= n_entries and point.one_in >= one_in
    ]
    if not fitting:
        raise InputError(
            f"No measurement supports one false alert in {one_in:,} for a list of {n_entries:,} "
            "with these models; name a threshold and bring its evidence."
        )
    point, record = min(fitting, key=lambda each: (each[0].n_entries, each[0].one_in))
    return Evidence(
        contract=record.contract,
        measured=record.measured,
        n_entries=point.n_entries,
        false_alert_one_in=point.one_in,
        threshold=point.threshold,
        source=f"{record.source}; lists of {point.n_entries:,}, {point.n_non_mated:,} comparisons",
    )


def supported_threshold(
    records: Sequence[CalibrationRecord], contract: ContractId, n_entries: int, one_in: int
) -> tuple[float, Calibration]:
    """Return the threshold of :func:`supporting_evidence`, and how a capability cites it.

    Raises:
        InputError: nothing measured supports it.
    """
    evidence = supporting_evidence(records, contract, n_entries, one_in)
    return evidence.threshold, Calibration(evidence.false_alert_one_in, evidence.source)


def measured_likeness(
    records: Sequence[CalibrationRecord], contract: ContractId
) -> MeasuredLikeness:
    """Return what makes two people of a list alike, for one vector space.

    Raises:
        InputError: nobody measured it.
    """
    for record in records:
        if record.contract == contract and record.alike is not None:
            return record.alike
    raise InputError(
        "Nobody measured from which similarity on two people of a list are alike with these "
        "models: their calibration record needs a table [alike]."
    )
