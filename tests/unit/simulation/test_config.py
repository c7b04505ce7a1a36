import dataclasses

import pytest

from overt.core.errors import UsageError
from overt.simulation.config import StreetConfig


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("width", 1001),
        ("height", 0),
        ("fps", 0),
        ("n_visible", 0),
        ("duration_s", 0.0),
        ("share_across", 1.5),
        ("across_px", (90.0, 40.0)),
        ("noise", -1.0),
        ("shutter_s", 1.0),
        ("crf", 60),
        ("preset", "fastest"),
    ],
)
def test_a_value_out_of_range_is_named(field, value):
    with pytest.raises(UsageError, match=field):
        StreetConfig(**{field: value})


def test_a_size_may_not_shrink_on_the_way_to_the_camera():
    with pytest.raises(UsageError, match="smallest_px"):
        dataclasses.replace(StreetConfig(), smallest_px=200.0)
