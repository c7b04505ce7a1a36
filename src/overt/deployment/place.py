"""Where a deployment may be: a polygon on the map, as GeoJSON, and the cameras within it.

Invariants: a place is one valid polygon (RFC 7946: longitude before latitude, WGS 84, closed rings)
without crossings, on one side of the antimeridian; its area is that of the ground.
Must not: hold anything about people.
"""

import json
import math
from functools import lru_cache
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from shapely.errors import ShapelyError
from shapely.geometry import Point, Polygon
from shapely.validation import explain_validity

from overt.core.errors import InputError
from overt.deployment.faults import first_fault

METRES_PER_DEGREE: Final = 111_195.0
"""Of latitude, on a sphere of 6,371 km: within 0.5 % of the ellipsoid, enough to bound an area."""

MAX_POINTS: Final = 2_000
MAX_GEOJSON_BYTES: Final = 2**20
MAX_WIDTH_DEGREES: Final = 180.0
"""A polygon that is wider was drawn across the antimeridian, or is no place."""

Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, strict=True)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, strict=True)]
Position = tuple[Longitude, Latitude]


class Area(BaseModel):
    """A GeoJSON polygon: the outer ring first, then holes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["Polygon"] = "Polygon"
    coordinates: tuple[tuple[Position, ...], ...] = Field(
        min_length=1,
        description="Closed rings of longitude and latitude in degrees: the border, then holes.",
    )

    @model_validator(mode="after")
    def _is_valid(self) -> "Area":
        if sum(len(ring) for ring in self.coordinates) > MAX_POINTS:
            raise ValueError(f"a polygon has at most {MAX_POINTS:,} points")
        if any(len(ring) < 4 or ring[0] != ring[-1] for ring in self.coordinates):
            raise ValueError("a ring has at least four points, and its last is its first")
        try:
            shape = _shape(self)
            west, _, east, _ = shape.bounds
            if east - west >= MAX_WIDTH_DEGREES:
                raise ValueError("the polygon crosses 180° of longitude, or is half the world wide")
            if not shape.is_valid:
                raise ValueError(f"the polygon is not valid: {explain_validity(shape)}")
        except ShapelyError as error:
            raise ValueError("the polygon is not valid") from error
        if self.km2 <= 0:
            raise ValueError("the polygon has no area")
        return self

    @property
    def km2(self) -> float:
        """The area on the ground, in km²."""
        shape = _shape(self)
        per_degree_km = METRES_PER_DEGREE / 1000
        squeezed = math.cos(math.radians(shape.centroid.y))
        return float(shape.area) * per_degree_km**2 * squeezed

    def covers(self, longitude: float, latitude: float) -> bool:
        """Whether a point lies within, or on the border."""
        return bool(_shape(self).covers(Point(longitude, latitude)))


@lru_cache(maxsize=32)
def _shape(area: Area) -> Polygon:
    outer, *holes = area.coordinates
    return Polygon(outer, holes)


def parse_geojson(data: bytes) -> Area:
    """Return the polygon of a GeoJSON document: a Polygon, a Feature, or one Feature's collection.

    A third number of a position, which is the altitude, is left out.

    Raises:
        InputError: it is something else, or the polygon is not valid.
    """
    if len(data) > MAX_GEOJSON_BYTES:
        raise InputError("The GeoJSON file is too large to be one place.")
    try:
        geometry = _geometry(json.loads(data))
    except (ValueError, RecursionError) as error:
        raise InputError("The file is not GeoJSON.") from error
    kind = geometry.get("type")
    if kind != "Polygon":
        raise InputError("The GeoJSON holds no polygon; a place is one polygon.")
    try:
        return Area(coordinates=_flat(geometry.get("coordinates")))
    except ValidationError as error:
        raise InputError(f"The GeoJSON holds no usable polygon: {first_fault(error)}.") from error


def _geometry(document: Any) -> dict[str, Any]:
    for _ in range(3):
        if not isinstance(document, dict):
            break
        if document.get("type") == "FeatureCollection":
            features = document.get("features")
            if not isinstance(features, list) or len(features) != 1:
                raise InputError("The GeoJSON holds several features; a deployment has one place.")
            document = features[0]
        elif document.get("type") == "Feature":
            document = document.get("geometry")
        else:
            return document
    raise InputError("The GeoJSON holds no polygon; a place is one polygon.")


def _flat(rings: Any) -> Any:
    """Return rings without altitudes; what is not rings of positions is left for the check."""
    if not isinstance(rings, list):
        return rings
    return [
        [p[:2] if isinstance(p, list) and len(p) == 3 else p for p in ring]
        if isinstance(ring, list)
        else ring
        for ring in rings
    ]
