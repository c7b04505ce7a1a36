"""Between degrees of WGS 84 and metres: the British National Grid, and a local plane anywhere.

The National Grid conversion is PROJ's without the OSTN15 grid file, which differs from the Ordnance
Survey's own by up to about 5 m; there and back again is exact to a millimetre. The local plane is
equidistant near its centre: over a city distances are right to about 0.1 %.

Must not: reach for PROJ's network.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer
from pyproj._network import set_network_enabled

Floats = NDArray[np.float64]

EARTH_M: Final = 6_371_007.2
"""Radius of the sphere with the area of the WGS 84 ellipsoid: the one that H3 uses."""
BNG_WIDTH_M: Final = 700_000.0
BNG_HEIGHT_M: Final = 1_300_000.0


@cache
def _transformer(source: str, target: str) -> Transformer:
    set_network_enabled(active=False)
    return Transformer.from_crs(source, target, always_xy=True, allow_ballpark=False)


def bng_to_degrees(easting_m: Floats, northing_m: Floats) -> tuple[Floats, Floats]:
    """Return longitude and latitude; infinite where there are none."""
    longitude, latitude = _transformer("EPSG:27700", "EPSG:4326").transform(easting_m, northing_m)
    return np.asarray(longitude, np.float64), np.asarray(latitude, np.float64)


def degrees_to_bng(longitude: Floats, latitude: Floats) -> tuple[Floats, Floats]:
    """Return easting and northing in metres; infinite where there are none."""
    easting, northing = _transformer("EPSG:4326", "EPSG:27700").transform(longitude, latitude)
    return np.asarray(easting, np.float64), np.asarray(northing, np.float64)


@dataclass(frozen=True, slots=True)
class LocalPlane:
    """Metres east and north of a centre, each parallel as long as it is at the centre.

    Attributes:
        longitude: of the centre.
        latitude: of the centre.
    """

    longitude: float
    latitude: float

    @classmethod
    def around(cls, longitude: Floats, latitude: Floats) -> Self:
        """Return the plane centred on the middle of the places' bounding box."""
        if longitude.size == 0:
            return cls(0.0, 0.0)
        return cls(
            float(longitude.min() + longitude.max()) / 2, float(latitude.min() + latitude.max()) / 2
        )

    @property
    def _east_m(self) -> float:
        return float(np.radians(1) * EARTH_M * np.cos(np.radians(self.latitude)))

    @property
    def _north_m(self) -> float:
        return float(np.radians(1) * EARTH_M)

    def to_metres(self, longitude: Floats, latitude: Floats) -> tuple[Floats, Floats]:
        """Return metres east and north of the centre."""
        east = (longitude - self.longitude) * self._east_m
        return east, (latitude - self.latitude) * self._north_m

    def to_degrees(self, east_m: Floats, north_m: Floats) -> tuple[Floats, Floats]:
        """Return longitude and latitude."""
        return self.longitude + east_m / self._east_m, self.latitude + north_m / self._north_m
