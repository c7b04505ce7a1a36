"""Whatever is done to a capability file, it says what was signed or it is refused."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from overt.core.errors import AuthorityError, InputError
from overt.deployment.calibration import load_records
from overt.deployment.capability import Calibration, Capability, sign, verify
from overt.deployment.keys import load_public_key
from overt.policy.facts import Route
from overt.policy.locks import AlertRule

KEY = Ed25519PrivateKey.generate()
TRUSTED = [KEY.public_key()]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
MICRO = st.integers(1, 999_999).map(lambda micro: micro / 1_000_000)
MOMENTS = st.integers(0, 10**12).map(lambda ms: NOON + timedelta(milliseconds=ms))

capabilities = st.builds(
    Capability,
    deployment=st.from_regex(r"[a-z0-9][a-z0-9.-]{0,63}", fullmatch=True),
    cameras=st.lists(NAMES, min_size=1, max_size=4, unique=True).map(tuple),
    not_before_utc=MOMENTS,
    not_after_utc=MOMENTS.map(lambda moment: moment + timedelta(days=20_000)),
    watchlist_sha256=HEX,
    detector_sha256=HEX,
    contract=NAMES,
    rule=st.builds(
        AlertRule, MICRO, st.integers(1, 3), MICRO, MICRO, st.integers(0, 10**6).map(float)
    ),
    authoriser=NAMES,
    rank=NAMES,
    route=st.sampled_from(Route),
    cosigner=st.none() | NAMES,
    application_sha256=HEX,
    policy_sha256=HEX,
    presence_within_s=st.integers(1, 3_600_000).map(lambda ms: ms / 1000),
    issued_utc=MOMENTS,
    calibration=st.none() | st.builds(Calibration, st.integers(1, 10**9), NAMES),
)
EXAMPLE = Capability(
    "d-1",
    ("gate", "door"),
    NOON,
    NOON + timedelta(hours=1),
    "a" * 64,
    "d" * 64,
    "contract",
    AlertRule(0.45),
    "the office",
    "superintendent",
    Route.URGENT,
    "somebody",
    "e" * 64,
    "f" * 64,
    30.0,
    NOON,
    Calibration(1000, "an evaluation"),
)
FILE = sign(EXAMPLE, KEY)


def means(data):
    """Return the capability that the file stands for, or None if it is refused."""
    try:
        return verify(data, TRUSTED)
    except AuthorityError:
        return None


@given(capabilities)
def test_every_capability_survives_the_file(capability):
    assert verify(sign(capability, KEY), TRUSTED) == capability


@pytest.mark.parametrize("flip", [0x01, 0x02, 0x20, 0x80, 0xFF])
def test_a_changed_byte_is_found_wherever_it_is(flip):
    for place in range(len(FILE)):
        changed = bytearray(FILE)
        changed[place] ^= flip
        assert means(bytes(changed)) in {None, EXAMPLE}


@given(st.integers(0, len(FILE)), st.integers(0, len(FILE)), st.binary(max_size=8))
def test_bytes_cut_out_or_put_in_are_found(start, end, inserted):
    assert means(FILE[:start] + inserted + FILE[end:]) in {None, EXAMPLE}


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_no_bytes_at_all_raise_anything_but_a_lack_of_authority(data):
    assert means(data) is None


@given(data=st.binary(max_size=300))
def test_a_key_file_of_any_bytes_is_a_key_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.pub"
    path.write_bytes(data)
    with pytest.raises(InputError):
        load_public_key(path)


@given(text=st.text(max_size=100))
def test_a_calibration_record_of_any_text_is_refused(tmp_path_factory, text):
    folder = tmp_path_factory.getbasetemp() / "calibration"
    folder.mkdir(exist_ok=True)
    (folder / "any.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(InputError):
        load_records(folder)
