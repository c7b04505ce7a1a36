"""``overt deployment``: the day, the end, and keys at the command line."""

import pytest

from overt.core.ids import DeploymentId
from overt.deployment.acts import GoLive
from overt.deployment.life import LifeState

# the day and the end


def test_pausing_and_resuming_leave_their_reasons(
    command, authorised_office, act, deployment_shown
):
    act("check-in", "demo-operator-1")
    act("check-in", "demo-engagement-officer-1")
    act("confirm-signs", "demo-operator-1")
    act("ready", "demo-operator-1")
    with authorised_office.store() as store:
        store.lives.act(DeploymentId("d-1"), GoLive(("gate",)), "demo-operator-1")
    act("pause", "demo-operator-1", "--reason", "A fire alarm.")
    act("resume", "demo-operator-1")
    ran = act("check-out", "demo-operator-1")
    assert "d-1 is paused: Too few officers are checked in." in ran.stderr
    steps = deployment_shown()["steps"]
    assert [step["by"] for step in steps[-3:]] == ["demo-operator-1", "demo-operator-1", None]
    assert "check out by demo-operator-1" in command("deployment", "show", "d-1").stdout


def test_what_is_not_ready_says_all_that_is_missing(command, authorised_office):
    key = authorised_office.key("demo-operator-1")
    ran = command("deployment", "ready", "d-1", "--as", key)
    assert ran.returncode == 9
    assert "rule officers" in ran.stderr
    assert "rule signs-confirmed" in ran.stderr
    ran = command("deployment", "check", "d-1")
    assert ran.stdout.count("missing  ") == 3


def test_a_report_is_needed_to_close_and_is_read_from_a_file(command, authorised_office, act):
    act("end", "demo-operator-1", "--reason", "Enough.")
    key = authorised_office.key("demo-authoriser")
    ran = command("deployment", "close", "d-1", "--as", key)
    assert ran.failed_plainly(9, "no cancellation report")
    assert command("deployment", "report", "d-1").failed_plainly(2, "--template")
    bad = authorised_office.folder / "bad.toml"
    bad.write_text('outcome = "x"')
    requester = authorised_office.key("demo-requester")
    ran = command("deployment", "report", "d-1", bad, "--as", requester)
    assert ran.failed_plainly(3, "outcome: there is no such field")
    report = authorised_office.report()
    assert command("deployment", "report", "d-1", report, "--as", requester).returncode == 0
    told = command("deployment", "close", "d-1", "--as", key, "--json").json
    assert told["destroyed"] == ["watchlist"]
    assert told["delete_by"].keys() >= {"picture", "alert", "membership"}


def test_a_deployment_that_is_not_there_is_said(command, office):
    key = office.key("demo-operator-1")
    for words in (
        ("show", "d-9"),
        ("check", "d-9"),
        ("submit", "d-9", "--as", key),
        ("report", "d-9", "--template"),
    ):
        ran = command("deployment", *words)
        assert ran.failed_plainly(10, "no deployment of that name"), words


# keys


def test_keys_are_made_in_one_place(command, tmp_path):
    path = tmp_path / "office.key"
    assert command("deployment", "new-key", path).returncode == 2
    assert not path.exists()


@pytest.mark.parametrize("name", ["office.key", "none.pub"])
def test_only_a_public_key_can_be_trusted(command, tmp_path, name, home):
    assert command("people", "new-key", tmp_path / "office.key").returncode == 0
    assert command("deployment", "trust", tmp_path / name).failed_plainly(3, "key")
    assert not (home / "authority").exists()


def test_a_key_that_others_can_read_signs_nothing(command, submitted):
    key = submitted.key("demo-authoriser")
    key.chmod(0o644)
    ran = command("deployment", "authorise", "d-1", "--as", key, "--yes")
    assert ran.failed_plainly(4, "chmod 600")
    with submitted.store() as store:
        assert store.lives.get(DeploymentId("d-1")).state is LifeState.SUBMITTED
