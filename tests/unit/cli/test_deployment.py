"""``overt deployment``: keys, trust, and what is signed."""

import json
from datetime import UTC, datetime

import pytest

from overt.core.clock import SystemClock
from overt.store.store import Store


@pytest.fixture
def key(command, tmp_path):
    path = tmp_path / "office.key"
    assert command("deployment", "new-key", path).returncode == 0
    return path


@pytest.fixture
def kept(home, watchlist):
    with Store.open(home, SystemClock()) as store:
        store.watchlists.save(watchlist)


@pytest.fixture
def authorise(command, key, kept, tmp_path):
    """Sign a capability with some options replaced; None leaves one out."""

    def do(deployment="d-1", **changes):
        options = {
            "--camera": "gate",
            "--watchlist": "the-list",
            "--authoriser": "the office",
            "--key": key,
            "--out": tmp_path / "capability.json",
            "--minutes": "30",
            "--threshold": "0.45",
        } | {f"--{name.replace('_', '-')}": value for name, value in changes.items()}
        flat = [part for pair in options.items() if pair[1] is not None for part in pair]
        return command("deployment", "authorise", deployment, *flat)

    return do


def document(tmp_path):
    return json.loads((tmp_path / "capability.json").read_bytes())["capability"]


def test_a_key_says_what_to_do_with_each_half_in_one_line_each(command, tmp_path):
    path = tmp_path / ("deep" * 30) / "office[1].key"
    ran = command("deployment", "new-key", path)
    assert f"Signing key {path}:" in ran.stderr
    assert f"overt deployment trust {path}.pub" in ran.stderr


def test_a_key_is_not_replaced(command, key):
    assert command("deployment", "new-key", key).failed_plainly(3, "not replaced")


def test_trust_is_what_makes_a_capability_valid_here(command, authorise, key, tmp_path):
    assert authorise().returncode == 0
    show = ("deployment", "show", tmp_path / "capability.json")
    assert command(*show).failed_plainly(5, "not trusted here")
    assert command("deployment", "trust", f"{key}.pub").returncode == 0
    shown = command(*show)
    assert shown.returncode == 0
    assert "Valid now" in shown.stderr
    assert "the office" in shown.stdout
    assert command("deployment", "trust", f"{key}.pub").returncode == 0


@pytest.mark.parametrize("name", ["office.key", "none.pub"])
def test_only_a_public_key_can_be_trusted(command, key, tmp_path, name, home):
    assert command("deployment", "trust", tmp_path / name).failed_plainly(3, "key")
    assert not (home / "authority").exists()


def test_what_is_signed_is_what_was_said(authorise, tmp_path, watchlist, models):
    assert authorise(repeat_within_s="90", start="2030-01-02T03:04:05+01:00").returncode == 0
    signed = document(tmp_path)
    assert signed["cameras"] == ["gate"]
    assert signed["not_before_utc"] == "2030-01-02T02:04:05.000Z"
    assert signed["not_after_utc"] == "2030-01-02T02:34:05.000Z"
    assert signed["watchlist_sha256"] == watchlist.manifest_sha256
    assert signed["detector_sha256"] == models.detector_sha256
    assert signed["contract"] == models.contract
    assert signed["rule"]["threshold_micro"] == 450_000
    assert signed["rule"]["repeat_within_s"] == 90
    assert signed["calibration"] is None


def test_a_threshold_from_evidence_carries_it(authorise, tmp_path):
    assert authorise(threshold=None, one_in="100").returncode == 0
    signed = document(tmp_path)
    assert signed["calibration"]["false_alert_one_in"] >= 100
    assert 0 < signed["rule"]["threshold_micro"] < 1_000_000


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"threshold": None}, "how rare false alerts must be"),
        ({"one_in": "100"}, "how rare false alerts must be"),
        ({"threshold": None, "one_in": "1000000"}, "No measurement supports"),
        ({"threshold": "1"}, "between 0 and 1"),
        ({"threshold": "-1"}, "between 0 and 1"),
        ({"watchlist": "another"}, "no watchlist of that name"),
        ({"deployment": "Upper Case"}, "deployment"),
        ({"camera": "g" * 65}, "cameras"),
        ({"authoriser": ""}, "authoriser"),
        ({"start": "tomorrow"}, "The start is no time"),
        ({"start": "2030-01-01T12:00:00"}, "needs its offset"),
        ({"start": "0001-01-01T00:00:00+12:00"}, "The start is no time"),
        ({"minutes": "1e18"}, "longer than the calendar"),
        ({"minutes": "inf"}, "longer than the calendar"),
        ({"repeat_within_s": "-1"}, "not negative"),
        ({"repeat_within_s": "inf"}, "endless"),
    ],
)
def test_what_cannot_be_authorised_is_said_and_nothing_is_written(
    authorise, tmp_path, changes, says
):
    assert authorise(**changes).failed_plainly(3, says)
    assert not (tmp_path / "capability.json").exists()


@pytest.mark.parametrize(("option", "value"), [("one_in", "0"), ("one_in", "-5"), ("minutes", "0")])
def test_a_number_below_its_least_is_not_understood(authorise, tmp_path, option, value):
    assert authorise(threshold=None, **{option: value}).returncode == 2
    assert not (tmp_path / "capability.json").exists()


def test_a_key_that_others_can_read_signs_nothing(authorise, key, tmp_path):
    key.chmod(0o644)
    assert authorise().failed_plainly(4, "chmod 600")
    assert not (tmp_path / "capability.json").exists()


def test_a_place_that_cannot_be_written_is_said(authorise, tmp_path):
    assert authorise(out=tmp_path / "none" / "c.json").failed_plainly(7, "could not be written")


def test_a_capability_that_is_over_is_shown_and_refused(command, authorise, key, tmp_path):
    command("deployment", "trust", f"{key}.pub")
    past = datetime(2020, 1, 1, tzinfo=UTC).isoformat()
    assert authorise(start=past).returncode == 0
    ran = command("deployment", "show", tmp_path / "capability.json", "--json")
    assert ran.returncode == 5
    assert "has expired" in ran.stderr
    assert ran.json["deployment"] == "d-1"
