"""Which source is which camera's, without ever repeating an address."""

import pytest

from overt.cli.session import parse_cameras
from overt.core.errors import AuthorityError, InputError

ADDRESS = "rtsp://somebody:secret=word@camera.example/path?token=secret"


@pytest.fixture
def one(capability_of):
    return capability_of(cameras=("gate",))


@pytest.fixture
def two(capability_of):
    return capability_of(cameras=("gate", "north"))


def test_sources_are_given_by_name(two, clip_of_both):
    found = parse_cameras([f"north={clip_of_both}", f"gate={ADDRESS}"], two)
    assert list(found) == ["north", "gate"]
    assert found["gate"].location == ADDRESS
    assert found["north"].location == str(clip_of_both)


@pytest.mark.parametrize("text", [ADDRESS, f"gate={ADDRESS}"])
def test_an_equals_sign_in_an_address_is_no_name(one, text):
    assert parse_cameras([text], one)["gate"].location == ADDRESS


def test_a_path_with_an_equals_sign_needs_its_camera_only_if_it_looks_like_a_name(one, tmp_path):
    path = tmp_path / "a=b.mp4"
    path.touch()
    assert parse_cameras([str(path)], one)["gate"].location == str(path)
    assert parse_cameras([f"gate={path}"], one)["gate"].location == str(path)


def test_a_camera_that_is_not_named_has_no_authority(one, clip_of_both):
    with pytest.raises(AuthorityError, match="does not name the camera north"):
        parse_cameras([f"north={clip_of_both}"], one)


def test_a_camera_cannot_be_given_twice(one, clip_of_both):
    with pytest.raises(InputError, match="given twice"):
        parse_cameras([str(clip_of_both), f"gate={clip_of_both}"], one)


def test_no_camera_is_no_run(one):
    with pytest.raises(InputError, match="no video"):
        parse_cameras([], one)


@pytest.mark.parametrize("text", [ADDRESS, f"{ADDRESS}/", "rtsp://:secret@/"])
def test_an_address_is_in_no_error(two, text):
    with pytest.raises(InputError) as caught:
        parse_cameras([text], two)
    assert "secret" not in str(caught.value)
