"""``overt policy``: the rules shown, checked, and signed into force by whoever may."""

import json
from pathlib import Path

import pytest

from overt.policy.pack import load_pack
from overt.policy.render import render

POLICIES = Path(__file__).parents[3] / "policies"
UK = POLICIES / "uk-police.toml"


@pytest.fixture
def register(command, tmp_path):
    """Register somebody; return their signing key's path. The first is an administrator."""

    def do(person, rank, role, *more):
        key = tmp_path / f"{person}.key"
        assert command("people", "new-key", key).returncode == 0
        added = command(
            *("people", "add", person, "--key", f"{key}.pub", "--rank", rank),
            *("--organisation", "Avon", "--role", role, *more),
        )
        assert added.returncode == 0, added.stderr
        return key

    return do


@pytest.fixture
def chief(register):
    """Register an administrator and somebody who may sign policy; return the latter's key."""
    admin = register("admin-1", "civilian", "administrator")
    return register(
        "chief-1", "assistant-chief-constable", "authorising-officer", "--as", admin
    ), admin


def test_a_pack_is_shown_as_the_document_made_from_it(command, home):
    shown = command("policy", "show", "uk-police")
    assert shown.returncode == 0
    assert shown.stdout == render(load_pack(UK.read_bytes()))
    assert "Nobody has signed this pack for use here" in shown.stderr
    assert not home.exists()  # looking makes nothing


def test_a_pack_is_shown_for_programs(command):
    shown = command("policy", "show", UK, "--json").json
    assert shown["id"] == "uk-police"
    assert shown["in_force"] is None
    assert shown["rules"]["duration"]["max_h"] == 12
    assert "at most 12 hours apart" in shown["statements"]["duration"]
    assert json.dumps(shown)


def test_what_ships_is_listed(command):
    listed = command("policy", "list", "--json").json["packs"]
    assert [each["id"] for each in listed] == ["eu-ai-act", "uk-police"]
    assert "uk-police" in command("policy", "list").stdout


def test_a_check_says_what_the_rules_rest_on(command):
    checked = command("policy", "check", "uk-police", "--json").json
    assert checked["rules"] == 37
    assert "notes" in checked["rests_on"]["chosen"]
    assert checked["rests_on"]["recalled"]
    assert checked["signed_by"] is None


def test_a_pack_is_signed_into_force(command, chief, tmp_path):
    key, _ = chief
    out = tmp_path / "uk.signature"
    signed = command("policy", "sign", "uk-police", "--as", key, "--out", out, "--json")
    assert signed.returncode == 0, signed.stderr
    assert signed.json["signed_by"] == "chief-1"
    checked = command("policy", "check", UK, "--signature", out, "--json").json
    assert checked["signed_by"] == "chief-1"
    listed = command("policy", "list", "--json").json["packs"]
    assert [(each["id"], each.get("in_force")) for each in listed] == [
        ("eu-ai-act", None),
        ("uk-police", True),
    ]
    shown = command("policy", "show", "uk-police")
    assert "signed by chief-1" in shown.stderr
    assert command("ledger", "verify").returncode == 0


def test_a_pack_of_the_forces_own_is_shown_by_its_name_once_signed(command, chief, tmp_path):
    key, _ = chief
    own = tmp_path / "avon.toml"
    own.write_bytes(UK.read_bytes().replace(b'id = "uk-police"', b'id = "avon"'))
    assert command("policy", "show", "avon").returncode == 3
    assert command("policy", "sign", own, "--as", key).returncode == 0
    assert "`avon`, version 2026.1" in command("policy", "show", "avon").stdout


def test_a_rank_below_the_packs_signs_nothing(command, chief, register):
    _, admin = chief
    key = register("super-1", "superintendent", "authorising-officer", "--as", admin)
    refused = command("policy", "sign", "uk-police", "--as", key)
    assert refused.returncode == 9
    assert "An assistant chief constable or above signs the policy" in refused.stderr
    assert "a superintendent does not" in refused.stderr
    refused = command("policy", "sign", "uk-police", "--as", admin)
    assert refused.returncode == 9
    assert "may not sign the policy" in refused.stderr


def test_a_signature_for_something_else_does_not_fit(command, chief, tmp_path):
    key, _ = chief
    out = tmp_path / "uk.signature"
    assert command("policy", "check", "uk-police", "--signature", UK).returncode == 5
    assert command("policy", "sign", "uk-police", "--as", key, "--out", out).returncode == 0
    assert command("policy", "check", "eu-ai-act", "--signature", out).returncode == 5
    again = command("policy", "sign", "uk-police", "--as", key, "--out", out)
    assert again.returncode == 3
    assert "exists already" in again.stderr


def test_a_signature_is_worth_nothing_without_a_register(command, tmp_path):
    signature = tmp_path / "uk.signature"
    signature.write_bytes(b"{}")
    refused = command("policy", "check", "uk-police", "--signature", signature)
    assert refused.returncode == 5
    assert "no register of people" in refused.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"format = ", "not valid TOML"),
        (b"\xff", "not UTF-8"),
        (UK.read_bytes().replace(b"max_h = 12", b"max_h = -1"), "rules.duration.max_h"),
    ],
)
def test_a_file_that_is_no_pack_is_refused_by_its_place(command, tmp_path, content, said):
    path = tmp_path / "own.toml"
    path.write_bytes(content)
    refused = command("policy", "check", path)
    assert refused.returncode == 3
    assert said in refused.stderr


def test_a_pack_that_is_not_there_is_refused_with_what_there_is(command, tmp_path):
    refused = command("policy", "show", "nowhere")
    assert refused.returncode == 3
    assert "eu-ai-act, uk-police" in refused.stderr
    assert command("policy", "show", tmp_path / "none.toml").returncode == 3
