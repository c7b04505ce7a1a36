"""Everything that can be wrong: one plain sentence, the promised exit code, nothing decoded."""

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from overt.cli import session
from overt.core.clock import ManualClock, SystemClock
from overt.core.ids import CameraId, DeploymentId, PersonId
from overt.deployment.acts import Apply, End
from overt.deployment.capability import sign
from overt.deployment.keys import create_key
from overt.ledger.canonical import canonical_bytes
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.policy.locks import AlertRule
from overt.policy.roles import Grant, Person, Role

OTHER_SHA256 = "b" * 64


@pytest.fixture
def opened(monkeypatch):
    """Every reader that a command has made."""
    readers = []
    really_open = session.open_reader

    def remember(*arguments, **options):
        readers.append(really_open(*arguments, **options))
        return readers[-1]

    monkeypatch.setattr(session, "open_reader", remember)
    return readers


def acts(found):
    """Return what the record says that was done, refusals left out."""
    records = [LedgerRecord.parse(data) for data in found.store.ledger.records()]
    refusals = {RecordKind.REFUSAL, RecordKind.ACT_DENIED}
    return [record.body for record in records if record.kind not in refusals]


@pytest.fixture
def refused(run_of_site, opened, clip_of_both):
    """Run a deployment that must not begin: nothing decoded, no run and no step in the record."""

    def do(found, code, says, *options, **more):
        before = acts(found)
        ran = run_of_site(found, "--camera", f"gate={clip_of_both}", *options, **more)
        assert ran.failed_plainly(code, says)
        assert [reader.stats().n_decoded for reader in opened] in ([], [0])
        assert acts(found) == before
        return ran

    return do


@pytest.fixture
def ready(site):
    return site(present=False)


@pytest.fixture
def forged(ready, tmp_path):
    """Write the deployment's capability file with changes; return its path."""

    def do(**changes):
        path = tmp_path / "capability.json"
        content = json.loads(ready.file)
        for field, value in changes.items():
            before = content["capability"][field]
            content["capability"][field] = before | value if isinstance(value, dict) else value
        path.write_bytes(canonical_bytes(content))
        return path

    return do


def test_no_deployment(refused, ready, tmp_path):
    refused(ready, 10, "no deployment d-9", named="d-9")
    refused(ready, 3, "capability file cannot be read", named=tmp_path / "none.json")
    refused(ready, 3, "capability file cannot be read", named=tmp_path)


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff" * 100, b"[" * 5000])
def test_a_malformed_capability(refused, ready, tmp_path, data):
    (tmp_path / "capability.json").write_bytes(data)
    refused(ready, 5, "not a capability", named=tmp_path / "capability.json")


def test_a_capability_of_somebody_who_is_not_registered(refused, ready, tmp_path):
    path = tmp_path / "capability.json"
    path.write_bytes(sign(ready.capability, Ed25519PrivateKey.generate()))
    refused(ready, 5, "not trusted here", named=path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("deployment", "d-2"),
        ("cameras", ["gate", "north"]),
        ("not_before_utc", "2020-01-01T12:00:00.000Z"),
        ("not_after_utc", "2090-01-01T12:00:00.000Z"),
        ("watchlist_sha256", OTHER_SHA256),
        ("detector_sha256", OTHER_SHA256),
        ("contract", "another"),
        ("rule", {"threshold_micro": 1}),
        ("authoriser", "somebody else"),
        ("rank", "chief-constable"),
        ("route", "urgent"),
        ("cosigner", "somebody-else"),
        ("application_sha256", OTHER_SHA256),
        ("policy_sha256", OTHER_SHA256),
        ("presence_within_ms", 3_600_000),
        ("issued_utc", "2020-01-01T12:00:00.000Z"),
        ("calibration", None),
    ],
)
def test_a_forged_capability(refused, ready, forged, field, value):
    refused(ready, 5, "forged or was altered", named=forged(**{field: value}))


def test_a_capability_that_is_not_the_one_in_force(refused, ready, tmp_path):
    """The same person signs a lower threshold for the same deployment, and nobody recorded it."""
    lower = replace(ready.capability, rule=AlertRule(0.3))
    path = tmp_path / "capability.json"
    path.write_bytes(sign(lower, ready.force.key_of(ready.force.authoriser.id)))
    refused(ready, 5, "not the one in force", named=path)


def test_a_deployment_that_nobody_authorised(refused, site):
    found = site(present=False)
    draft = DeploymentId("d-2")
    application = found.life.application.model_copy(update={"deployment": draft})
    found.store.lives.act(draft, Apply(application), found.force.requester.id)
    refused(found, 5, "nobody has authorised it", named=draft)


def test_a_deployment_before_its_window(refused, site):
    refused(site(present=False, ready=False, starts=timedelta(hours=1)), 5, "not yet valid")


def test_a_deployment_after_its_window(refused, site):
    before = ManualClock(datetime.now(UTC) - timedelta(hours=2))
    refused(site(present=False, clock=before), 5, "has expired")


def test_a_deployment_that_was_ended(refused, ready):
    ready.act(End("it rained"), ready.force.operator)
    refused(ready, 10, "that is ended cannot take the step: go live")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"cameras": ("another",)}, "does not name the camera gate"),
        ({"detector_sha256": OTHER_SHA256}, "detector is not the one"),
    ],
    ids=["camera", "detector"],
)
def test_an_authority_for_something_else(refused, site, changes, says):
    refused(site(present=False, **changes), 5, says)


def test_a_list_that_is_not_here(refused, ready):
    ready.store.watchlists.destroy_key(ready.watchlist.id)
    refused(ready, 3, "watchlist is not on this machine")


def test_a_list_that_is_not_what_its_name_says(refused, ready, home, enrol):
    """A list is bound by what it holds, not by the digest that stands beside it."""
    other = replace(enrol("stranger"), id="another")
    ready.force.list_people(other)
    authorised = ready.watchlist.manifest_sha256
    with closing(sqlite3.connect(home / "overt.sqlite3")) as database, database:
        change = "UPDATE watchlists SET manifest_sha256 = ? WHERE id = ?"
        database.execute(change, (OTHER_SHA256, ready.watchlist.id))
        database.execute(change, (authorised, "another"))
    refused(ready, 5, "watchlist is not the one")


def test_a_list_made_with_another_model(refused, site, watchlist):
    refused(site(present=False, listed=replace(watchlist, contract="another")), 4, "another model")


def test_without_officers_every_reason_is_said(refused, site):
    ran = refused(site(present=False, ready=False), 9, "1 operator")
    assert "engagement officer" in ran.stderr
    assert "Nobody has confirmed that the signs stand" in ran.stderr
    assert ran.stderr.count("rule officers") == 2


@pytest.mark.parametrize("who", ["requester", "authoriser", "list_manager", "chief"])
def test_somebody_who_may_not_run_it(refused, ready, who):
    refused(ready, 9, "start, pause and resume", by=getattr(ready.force, who))


def test_somebody_whom_nobody_knows(command, ready, tmp_path, clip_of_both):
    key = tmp_path / "unknown.key"
    create_key(key)
    ran = command("run", ready.id, "--as", key, "--camera", f"gate={clip_of_both}")
    assert ran.failed_plainly(9, "Nobody in the register")


def test_an_operator_of_other_cameras(refused, ready, tmp_path):
    """Rights multiply: role, deployment, list and camera."""
    key = Ed25519PrivateKey.generate()
    elsewhere = Grant(Role.OPERATOR, cameras=frozenset({CameraId("north")}))
    raw = key.public_key().public_bytes_raw()
    person = Person(PersonId("op-north"), "constable", "elsewhere", (elsewhere,), raw)
    now = SystemClock().now_utc()
    ready.store.people.save(person, PersonId("demo-administrator"), now)
    ready.force._keys[person.id] = key
    refused(ready, 9, "camera", by=person)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--device", "gpu"), "OpenVINO has no device gpu here"),
        (("--device", "toaster"), "device"),
        (("--device", "cuda"), "device"),
        (("--runtime", "onnxruntime", "--device", "cuda"), "cuda"),
    ],
    ids=["gpu", "toaster", "cuda of openvino", "cuda"],
)
def test_a_device_that_is_not_there(refused, ready, options, says):
    refused(ready, 6, says, *options)


def test_a_changed_model_file(refused, ready, tmp_path, monkeypatch):
    from overt.cli import wiring

    cache = tmp_path / "cache"
    shutil.copytree(wiring.models_cache(), cache / "models")
    for path in (cache / "models").glob("sface*"):
        path.chmod(0o600)
        path.write_bytes(path.read_bytes()[:-1] + b"\0")
    monkeypatch.setenv("OVERT_CACHE", str(cache))
    refused(ready, 4, "delete the file and run")


def test_no_video(run_of_site, ready, tmp_path):
    (tmp_path / "empty").mkdir()
    assert run_of_site(ready).failed_plainly(3, "There is no video")
    for source, says in (
        ("none.mp4", "there is no video"),
        (tmp_path / "empty", "no video and no pictures"),
        ("http://127.0.0.1/video", "cannot read from http"),
        ("", "a source needs"),
        (tmp_path / "frame_%03d.png", "no video and no pictures"),
    ):
        assert run_of_site(ready, "--camera", f"gate={source}").failed_plainly(3, says)


@pytest.mark.parametrize("data", [b"", b"no video" * 999, b"\0\0\0\x20ftypisom"])
def test_a_video_that_cannot_be_read(run_of_site, site, tmp_path, data):
    (tmp_path / "broken.mp4").write_bytes(data)
    ran = run_of_site(site(), "--camera", f"gate={tmp_path / 'broken.mp4'}")
    assert ran.failed_plainly(3, "cannot read video")


def test_cameras_that_are_not_told_apart(run_of_site, site, clip_of_both):
    found = site(present=False, cameras=("gate", "north"))
    one = ("--camera", f"gate={clip_of_both}")
    assert run_of_site(found, *one, *one).failed_plainly(3, "given twice")
    assert run_of_site(found, "--camera", clip_of_both).failed_plainly(3, "NAME=SOURCE")


def fill(folder):
    with (folder / "ballast").open("ab", buffering=0) as file:
        for size in (4096, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue


def test_a_disk_that_is_full_when_the_run_begins(
    run_of_site, ready, small_disk, home, clip_of_both, monkeypatch
):
    disk = small_disk("4m")
    ready.store.close()
    shutil.copytree(home, disk / "home")
    fill(disk)
    monkeypatch.setenv("OVERT_HOME", str(disk / "home"))
    ran = run_of_site(ready, "--camera", f"gate={clip_of_both}")
    assert ran.failed_plainly(7, "disk is full")


@pytest.mark.parametrize(
    "options",
    [
        ("run",),
        ("run", "d-1", "--as", "k", "--camera", "a", "--runtime", "toaster"),
        ("run", "d-1", "--camera", "a"),
        ("demo", "--seconds", "nan"),
        ("demo", "--repeat-within-s", "nan"),
        ("demo", "--one-in", "0"),
        ("demo", "--listed", "some"),
        ("unknown",),
    ],
)
def test_a_command_that_is_not_understood(command, options):
    ran = command(*options)
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert "Usage: overt" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_home_that_cannot_be_made(command, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("OVERT_HOME", str(tmp_path / "file"))
    assert command("watchlist", "show").returncode == 7
    assert (tmp_path / "file").is_file()
