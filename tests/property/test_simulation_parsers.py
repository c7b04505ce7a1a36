"""Whatever the bytes, the simulator's readers raise only our input errors."""

import io
import zipfile
from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overt.core.errors import InputError
from overt.simulation.config import StreetConfig
from overt.simulation.people import load_people
from overt.simulation.truth import Passage, Sighting, Truth, format_truth, parse_truth

_SEEN = Sighting(3, (1.0, 2.0, 30.0, 44.0), 40.0, 0.0)
_TRUTH = format_truth(
    Truth(
        config=StreetConfig(),
        n_frames=9,
        clip_sha256=None,
        passages=(Passage("x", 3, 3, 0.12, 0.12, (_SEEN,)),),
    )
)


def _archive() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", b"\x89PNG\r\n\x1a\n" + bytes(200))
        archive.writestr("b/c.jpg", b"\xff\xd8\xff" + bytes(200))
    return held.getvalue()


_ZIP = _archive()


@given(st.binary(max_size=400))
def test_bytes_are_truth_or_an_input_error(data):
    with suppress(InputError):
        parse_truth(data)


@given(st.integers(0, len(_TRUTH) - 1), st.integers(0, 255))
def test_truth_with_one_byte_altered_is_truth_or_an_input_error(at, value):
    with suppress(InputError):
        parse_truth(_TRUTH[:at] + bytes([value]) + _TRUTH[at + 1 :])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(_ZIP) - 1), st.integers(0, 255)), max_size=4))
def test_a_damaged_zip_is_read_or_an_input_error(tmp_path, damage):
    data = bytearray(_ZIP)
    for at, value in damage:
        data[at] = value
    path = tmp_path / "people.zip"
    path.write_bytes(data)
    with suppress(InputError):
        load_people(path)
