"""An application as a person writes it: one TOML file, and the files that it names.

``[deployment]``, ``[place]``, ``[window]``, ``[threshold]``, ``[reasons]``, ``[notice]``, and
``[[camera]]``, ``[[officer]]``, ``[[document]]`` as often as there are any. What
:mod:`overt.deployment.form_template` prints names every field. Files are named relative to the
TOML's folder; a document is read once, for its digest, and stays where it is.

Invariants: whatever the bytes, there is a form or an :class:`~overt.core.errors.InputError` that
names the place of the fault as the TOML has it, with the parts of a list counted from 1.
Must not: judge what is written; the policy pack does.
"""

import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    ValidationError,
    model_validator,
)

from overt.core.errors import InputError
from overt.deployment.application import (
    CameraName,
    DeploymentName,
    Name,
    Reasons,
    Reference,
    Text,
    Utc,
    Word,
)
from overt.deployment.faults import first_fault
from overt.deployment.form_files import read_file
from overt.deployment.place import Latitude, Longitude
from overt.policy.roles import Role

MAX_FORM_BYTES: Final = 2**20
_FilePath = Annotated[str, StringConstraints(min_length=1, max_length=4096, pattern=r"^[^\x00]+$")]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class DeploymentSection(_Section):
    """``[deployment]``: what it is, under which policy, with which list."""

    id: DeploymentName
    title: Name
    use_case: Word
    policy: Word
    watchlist: Name
    is_protest: bool


class PlaceSection(_Section):
    """``[place]``: a name, a polygon (in place or in a GeoJSON file), and what speaks for it."""

    name: Name
    geojson: _FilePath | None = None
    polygon: Annotated[
        tuple[Annotated[tuple[Longitude, Latitude], Strict(strict=False)], ...] | None,
        Strict(strict=False),
    ] = None
    rationale: Text = ""
    hotspot_evidence: Reference = ""
    intelligence_reference: Reference = ""

    @model_validator(mode="after")
    def _drawn_once(self) -> Self:
        if (self.geojson is None) == (self.polygon is None):
            raise ValueError("name either a geojson file or a polygon")
        return self


class WindowSection(_Section):
    """``[window]``: a start and an end, each with its offset."""

    start: Utc
    end: Utc

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start >= self.end:
            raise ValueError("it ends before it begins")
        return self


class EvidenceSection(_Section):
    """``[threshold.evidence]``: a measurement of your own, of the models in use here."""

    measured: date
    n_entries: Annotated[int, Field(ge=1)]
    false_alert_one_in: Annotated[int, Field(ge=1)]
    threshold: Annotated[float, Field(gt=0, lt=1)]
    source: Annotated[Reference, StringConstraints(min_length=1)]


class ThresholdSection(_Section):
    """``[threshold]``: a budget of false alerts, or a value and its evidence."""

    one_in: Annotated[int, Field(ge=1, le=10**9)] | None = None
    value: Annotated[float, Field(gt=0, lt=1)] | None = None
    evidence: EvidenceSection | None = None
    repeat_within_s: Annotated[int, Field(ge=0, le=86_400)] = 60

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.one_in is None) == (self.value is None):
            raise ValueError("say either one_in or value")
        if self.one_in is not None and self.evidence is not None:
            raise ValueError("evidence of your own goes with a value, not with one_in")
        return self


class ReasonsSection(_Section, Reasons):
    """``[reasons]``: what whoever authorises weighs."""


class NoticeSection(_Section):
    """``[notice]``: how the public is told."""

    published: Utc | None = None
    where: Text = ""
    exception_reason: Text = ""
    signage: Text = ""


class CameraSection(_Section):
    """One ``[[camera]]``."""

    name: CameraName
    position: Annotated[tuple[Longitude, Latitude], Strict(strict=False)]
    zone_of_recognition: Text = ""


class OfficerSection(_Section):
    """One ``[[officer]]``."""

    person: Name
    role: Annotated[Role, Strict(strict=False)]


class DocumentSection(_Section):
    """One ``[[document]]``; the file's digest is what is applied with."""

    kind: Word
    title: Name
    path: _FilePath
    issued: date
    valid_until: date | None = None


class Form(_Section):
    """The whole file."""

    deployment: DeploymentSection
    place: PlaceSection
    window: WindowSection
    threshold: ThresholdSection
    reasons: ReasonsSection = ReasonsSection()
    notice: NoticeSection = NoticeSection()
    camera: Annotated[
        tuple[CameraSection, ...], Strict(strict=False), Field(min_length=1, max_length=1000)
    ]
    officer: Annotated[
        tuple[OfficerSection, ...], Strict(strict=False), Field(max_length=1000)
    ] = ()
    document: Annotated[
        tuple[DocumentSection, ...], Strict(strict=False), Field(max_length=100)
    ] = ()


def read_form(path: Path) -> Form:
    """Read a form.

    Raises:
        InputError: it cannot be read, or is none; see :func:`parse_form`.
    """
    return parse_form(read_file(path, MAX_FORM_BYTES, "The application"))


def parse_form(data: bytes) -> Form:
    """Return the form that a TOML document stands for.

    Raises:
        InputError: it is too large, not UTF-8, not TOML, or has a missing, unknown or wrong key;
            the message names the key by its path in the TOML.
    """
    if len(data) > MAX_FORM_BYTES:
        raise InputError("The file is too large to be an application.")
    try:
        content = tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise InputError("The application is not UTF-8 text.") from None
    except RecursionError:
        raise InputError("The application is nested too deeply.") from None
    except ValueError as error:  # tomllib leaks ValueError for endless integers
        raise InputError(f"The application is not valid TOML: {_where(error)}.") from None
    try:
        return Form.model_validate(content)
    except ValidationError as error:
        raise InputError(f"The application cannot be used: {first_fault(error)}.") from None
    except RecursionError:
        raise InputError("The application is nested too deeply.") from None


def _where(error: ValueError) -> str:
    """Return where TOML breaks off, without what stands there."""
    _, found, place = str(error).rpartition("(at ")
    return f"it breaks off {'at ' + place.rstrip(')') if found else 'somewhere'}"
