"""Which columns of a force's own table are read, and what they mean: a small TOML file.

    format = "overt-mapping/1"
    label = "shooting incidents"
    force = "NYPD"

    [columns]
    id = "incident"
    date = "date"
    time = "time"
    longitude = "longitude"
    latitude = "latitude"

    [time]
    zone = "America/New_York"

Invariants: what is not named here is never read: there is no field for an offender or a victim, and
no way to carry one along. Whatever the bytes, :func:`load_mapping` gives a mapping or raises
:class:`~overt.core.errors.InputError`.
Must not: guess whether 01/02/2025 is in January or February; without a format only ISO 8601 is
read.
"""

import tomllib
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from overt.core.errors import InputError

MAX_MAPPING_BYTES: Final = 64 * 1024
MONTH: Final = r"^\d{4}-(0[1-9]|1[0-2])$"

_Column = Annotated[str, Field(min_length=1, max_length=200)]
_Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Columns(_Part):
    """The columns' names in the table. Place and time are needed, in one of their forms.

    Attributes:
        id: by which a row given twice is known.
        force: whose record; else ``force`` of the mapping.
        kind: of offence; else ``kind`` of the mapping.
        longitude: degrees east.
        latitude: degrees north.
        easting: metres of the British National Grid.
        northing: metres of the British National Grid.
        instant: one column with date and time.
        date: of the offence; with ``time`` an instant, without it a whole day.
        time: of day.
        begins: earliest date and time of an offence that was found later.
        ends: latest date and time of it.
        month: ``YYYY-MM``, where nothing finer is known.
    """

    id: _Column | None = None
    force: _Column | None = None
    kind: _Column | None = None
    longitude: _Column | None = None
    latitude: _Column | None = None
    easting: _Column | None = None
    northing: _Column | None = None
    instant: _Column | None = None
    date: _Column | None = None
    time: _Column | None = None
    begins: _Column | None = None
    ends: _Column | None = None
    month: _Column | None = None

    @model_validator(mode="after")
    def _one_place_and_one_time(self) -> Self:
        degrees = (self.longitude is not None, self.latitude is not None)
        metres = (self.easting is not None, self.northing is not None)
        if {degrees, metres} != {(True, True), (False, False)}:
            raise ValueError("name longitude and latitude, or easting and northing, not both")
        if (self.begins is None) != (self.ends is None):
            raise ValueError("an interval needs both begins and ends")
        if self.time is not None and self.date is None:
            raise ValueError("a time needs its date")
        if sum(c is not None for c in (self.instant, self.date, self.begins, self.month)) != 1:
            raise ValueError("name one of: instant; date; begins and ends; month")
        return self

    def named(self) -> dict[str, str]:
        """Return role → column, of those that are named."""
        return {role: name for role, name in self.model_dump().items() if name is not None}


class Time(_Part):
    """How times are written.

    Attributes:
        format: as in strftime, of the instant or of date and time joined by a space; else ISO 8601.
        zone: IANA name of the zone whose hours of the week are meant.
        given_in: whether a time without an offset is ``local`` to the zone or in ``utc``.
    """

    format: _Text | None = None
    zone: _Text = "Europe/London"
    given_in: Literal["local", "utc"] = "local"

    @field_validator("zone")
    @classmethod
    def _is_known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (OSError, ValueError) as error:
            raise ValueError("an unknown time zone") from error
        return zone


class Place(_Part):
    """How well places are known.

    Attributes:
        is_snapped: whether they are shared anonymised points; unset means that the data say.
        accuracy_m: how far off a place may be, if that is known.
    """

    is_snapped: bool | None = None
    accuracy_m: Annotated[float, Field(gt=0, le=100_000)] | None = None


class Kinds(_Part):
    """What the kinds of offence mean.

    Attributes:
        police_generated: kinds that come to notice by police activity; they never raise a rank.
        keep: if named, only these kinds are kept, and the others are counted as left out.
    """

    police_generated: tuple[_Text, ...] = Field(default=(), strict=False)
    keep: tuple[_Text, ...] = Field(default=(), strict=False)


class Covers(_Part):
    """The months that a force vouches for: a month without a row is then a true zero.

    Attributes:
        first: ``YYYY-MM``.
        last: ``YYYY-MM``.
        except_months: those in between that were not supplied.
    """

    first: Annotated[str, Field(pattern=MONTH)]
    last: Annotated[str, Field(pattern=MONTH)]
    except_months: tuple[Annotated[str, Field(pattern=MONTH)], ...] = Field(
        default=(), strict=False
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first > self.last:
            raise ValueError("the last month lies before the first")
        return self


class Mapping(_Part):
    """A whole mapping.

    Attributes:
        format: version of this format.
        label: what the offences are, for titles; a proxy says that it is one.
        force: whose records, where no column says.
        kind: of offence, where no column says.
        columns: their names.
        time: how times are written.
        place: how well places are known.
        kinds: what kinds mean.
        covers: months vouched for; unset means that the data say.
    """

    format: Literal["overt-mapping/1"]
    label: _Text
    force: _Text | None = None
    kind: _Text | None = None
    columns: Columns
    time: Time = Time()
    place: Place = Place()
    kinds: Kinds = Kinds()
    covers: Covers | None = None

    @model_validator(mode="after")
    def _says_whose(self) -> Self:
        if (self.force is None) == (self.columns.force is None):
            raise ValueError("name the force once: as force, or as columns.force")
        if self.kind is not None and self.columns.kind is not None:
            raise ValueError("name the kind once: as kind, or as columns.kind")
        return self


POLICE_UK: Final = Mapping(
    format="overt-mapping/1",
    label="recorded offences of police.uk: a proxy, with no knife flag",
    columns=Columns(
        id="Crime ID",
        force="Falls within",
        kind="Crime type",
        longitude="Longitude",
        latitude="Latitude",
        month="Month",
    ),
    place=Place(is_snapped=True),
    kinds=Kinds(police_generated=("Possession of weapons", "Drugs")),
)
"""The street-level files of data.police.uk."""


def load_mapping(data: bytes) -> Mapping:
    """Read the bytes of a mapping file.

    Raises:
        InputError: too large, no UTF-8, no TOML, or not such a mapping; says where.
    """
    if len(data) > MAX_MAPPING_BYTES:
        raise InputError("A mapping is a small file; this one is larger than 64 KiB.")
    try:
        return Mapping.model_validate(tomllib.loads(data.decode("utf-8")))
    except UnicodeDecodeError as error:
        raise InputError("The mapping is not UTF-8 text.") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise InputError(f"The mapping is wrong at {where}: {first['msg']}.") from error
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise InputError("The mapping is not a TOML file.") from error
