"""What more than one folder of tests needs: the real models, opened once, and real portraits."""

import pytest

from overt.cli.wiring import LoadedModels, open_models
from overt.core.arrays import BgrImage
from overt.simulation.people import packaged_people


@pytest.fixture(scope="session")
def models() -> LoadedModels:
    with open_models(n_threads=2) as opened:
        yield opened


@pytest.fixture(scope="session")
def portraits() -> dict[str, BgrImage]:
    """The public-domain portraits by label; tests must not write to them."""
    pictures = {each.person: each.picture for each in packaged_people()}
    for picture in pictures.values():
        picture.flags.writeable = False
    return pictures
