"""What the tests of hotspots share: small tables as a force would give them."""

import os
from pathlib import Path

import pytest

from overt.hotspots.mapping import load_mapping

POLICE_UK_HEADER = (
    "Crime ID,Month,Reported by,Falls within,Longitude,Latitude,Location,LSOA code,LSOA name,"
    "Crime type,Last outcome category,Context"
)

EXACT_TOML = """
format = "overt-mapping/1"
label = "assaults"
force = "Test Force"

[columns]
id = "ref"
kind = "offence"
instant = "when"
longitude = "lon"
latitude = "lat"

[kinds]
police_generated = ["possession"]
"""


@pytest.fixture
def police_uk(tmp_path):
    """Return a function that writes rows as a street CSV and returns its path."""

    def write(rows, name="2025-01-a-street.csv", folder=tmp_path):
        path = folder / name
        path.write_text("\n".join([POLICE_UK_HEADER, *rows]) + "\n", "utf-8")
        return path

    return write


@pytest.fixture
def exact_mapping():
    return load_mapping(EXACT_TOML.encode())


@pytest.fixture(scope="session")
def crime_data():
    """Return the folder of measured crime data, or skip."""
    root = os.environ.get("OVERT_DATA")
    if not root or not (Path(root) / "crime").is_dir():
        pytest.skip("OVERT_DATA does not name a folder with crime data")
    return Path(root) / "crime"
