"""``overt watchlist``: from the manifest to the purge, each act by somebody who may."""

import csv
import json

import cv2
import numpy as np
import pytest

from overt.ledger.records import LedgerRecord, RecordKind


@pytest.fixture
def mixed(pictures_of):
    """A folder with a face, a wall, and a file that is no picture but is called one."""
    folder = pictures_of("listed")
    cv2.imwrite(str(folder / "[bold]wall.png"), np.full((90, 90, 3), 99, np.uint8))
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


@pytest.fixture
def both_listed(command, list_office, pictures_of):
    """A draft of two people, as the import left it."""
    ran = command(*list_office.importing(pictures_of("listed", "stranger")), "--json")
    assert ran.returncode == 0, ran.stderr
    return ran.json


@pytest.fixture
def act(command, list_office):
    """Type a subcommand for the list ``wanted`` as the list manager, or somebody else."""

    def do(verb, *more, by="demo-list"):
        return command("watchlist", verb, "wanted", *more, "--as", list_office.key(by))

    return do


def shown(command, *more):
    (one,) = command("watchlist", "show", "wanted", "--json", *more).json["watchlists"]
    return one


def ids(command):
    return [entry["entry_id"] for entry in shown(command)["entries"]]


def test_each_row_is_accepted_or_refused_with_its_reason(command, list_office, mixed):
    result = command(*list_office.importing(mixed), "--json").json
    assert (result["n_accepted"], result["n_refused"], result["n_entries"]) == (1, 2, 1)
    by_row = {row["row"]: row for row in result["rows"]}
    assert by_row[1]["reasons"] == ["There is no face in the picture."]
    assert by_row[1]["column"] == "images"
    assert by_row[2]["outcome"] == "refused"
    assert by_row[3]["outcome"] == "accepted"
    assert by_row[3]["entry_id"].startswith("e-")
    assert "listed" not in json.dumps(result["rows"])


def test_refusals_are_told_under_the_names_that_the_rows_have(command, list_office, mixed):
    ran = command(*list_office.importing(mixed))
    assert ran.returncode == 0
    assert ran.stdout == ""
    assert "row 1 (line 2, images), [bold]wall: There is no face in the picture." in ran.stderr
    assert "1 person on the list wanted" in ran.stderr


def test_the_report_has_every_row_and_no_name(command, list_office, mixed, tmp_path):
    path = tmp_path / "report.csv"
    assert command(*list_office.importing(mixed), "--report", path).returncode == 0
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["row"] for row in rows] == ["1", "2", "3"]
    assert [row["line"] for row in rows] == ["2", "3", "4"]
    assert [row["outcome"] for row in rows] == ["refused", "refused", "accepted"]
    assert rows[0]["reason"] == "There is no face in the picture."
    assert "wall" not in path.read_text("utf-8")


def test_importing_again_changes_nothing_and_opens_no_model(
    command, list_office, pictures_of, both_listed, monkeypatch
):
    from overt.cli import wiring

    def fail(**_):
        raise AssertionError("a model was opened")

    monkeypatch.setattr(wiring, "open_models", fail)
    again = command(*list_office.importing(pictures_of("listed", "stranger")), "--json").json
    assert again["changed"] is False
    assert again["sha256"] == both_listed["sha256"]
    assert shown(command)["life"]["version"] == 1


def test_only_rows_that_changed_are_enrolled_again(
    command, list_office, pictures_of, row, both_listed, monkeypatch
):
    from overt.watchlist.enrol import Enroller

    enrolled = []
    really = Enroller._enrol_one
    monkeypatch.setattr(
        Enroller, "_enrol_one", lambda self, n, p: enrolled.append(1) or really(self, n, p)
    )
    folder = pictures_of("listed", "stranger")
    manifest = list_office.manifest(
        row(1, name="listed", images="listed.png"),
        row(2, name="stranger", images="stranger.png", reason_here="Was seen here"),
    )
    changed = command(*list_office.importing_from(manifest, folder, "wanted"), "--json").json
    assert len(enrolled) == 1
    assert changed["changed"] is True
    assert changed["n_entries"] == 2
    assert changed["sha256"] != both_listed["sha256"]
    life = shown(command)["life"]
    assert life["version"] == 2


def test_a_row_that_is_left_out_leaves_the_list(command, list_office, pictures_of, both_listed):
    folder = pictures_of("listed", "stranger")
    (folder / "stranger.png").unlink()
    manifest = list_office.manifest_of(folder)
    ran = command(*list_office.importing_from(manifest, folder, "wanted"), "--json")
    assert ran.json["n_entries"] == 1
    assert len(ids(command)) == 1
    with list_office.store() as store:
        assert len(store.watchlists.load("wanted").entries) == 1
        store.verify()


def test_pictures_alone_are_refused_with_the_way_out(command, list_office, pictures_of):
    folder = pictures_of("listed")
    ran = command("watchlist", "import", folder, "--name", "wanted", "--as", list_office.key())
    assert ran.failed_plainly(3, "overt watchlist template FOLDER > list.csv")


def test_a_template_is_a_manifest_that_lacks_the_grounds(
    command, list_office, pictures_of, tmp_path
):
    folder = pictures_of("listed", "stranger")
    form = tmp_path / "form.csv"
    form.write_text(command("watchlist", "template", folder).stdout, encoding="utf-8")
    ran = command(*list_office.importing_from(form, folder, "wanted"))
    assert ran.failed_plainly(3, "No row could be accepted")
    assert "must not be blank" in ran.stderr


def test_what_policy_does_not_allow_is_refused_row_by_row(command, list_office, pictures_of, row):
    manifest = list_office.manifest(
        row(1, images="listed.png", category="other"),
        row(2, images="listed.png", image_source="passport"),
        row(3, images="listed.png", held_until="2020-01-01"),
        row(4, images="listed.png", expires="2020-01-01"),
        row(5, images="listed.png"),
    )
    folder = pictures_of("listed")
    ran = command(*list_office.importing_from(manifest, folder, "wanted"), "--json").json
    assert [each["outcome"] for each in ran["rows"]] == ["refused"] * 4 + ["accepted"]
    rules = ("list-categories", "image-sources", "image-held-lawfully", "entry-expiry")
    for each, rule in zip(ran["rows"], rules, strict=False):
        assert f"(rule {rule};" in each["reasons"][0]


def test_the_policy_must_be_in_force(command, list_office, pictures_of):
    ran = command(*list_office.importing(pictures_of("listed")), "--policy", "eu-ai-act")
    assert ran.failed_plainly(10, "not in force here")


@pytest.mark.parametrize("name", ["", "Wanted", "a b", "../up", "x" * 65, "anna müller"])
def test_a_list_has_a_plain_name(command, list_office, pictures_of, name):
    ran = command(*list_office.importing(pictures_of("listed"), name))
    assert ran.failed_plainly(3, "A list's name")


def test_a_list_that_fails_leaves_the_one_of_that_name(
    command, list_office, pictures_of, both_listed, row
):
    before = shown(command)
    manifest = list_office.manifest(row(1, images="none.png"))
    ran = command(*list_office.importing_from(manifest, pictures_of("listed"), "wanted"))
    assert ran.failed_plainly(3, "No row could be accepted")
    assert shown(command) == before


def test_whoever_may_not_import_is_refused_before_anything_is_read(
    command, list_office, pictures_of
):
    arguments = list_office.importing(pictures_of("listed"))[:-1]
    for person in ("demo-authoriser", "demo-requester", "demo-administrator"):
        ran = command(*arguments, list_office.key(person))
        assert ran.failed_plainly(9, "may not import a watchlist")
    assert command("watchlist", "show", "--json").json["watchlists"] == []


def test_a_list_is_frozen_confirmed_and_purged(command, list_office, act, both_listed):
    assert act("freeze").returncode == 0
    assert {each["state"] for each in shown(command)["entries"]} == {"unconfirmed"}
    assert act("confirm", "--all", "--json").json["n_comparable"] == 2
    one = shown(command)
    assert one["life"]["state"] == "frozen"
    assert {each["state"] for each in one["entries"]} == {"confirmed"}
    assert act("purge").returncode == 0
    gone = shown(command)
    assert gone["life"]["state"] == "purged"
    assert gone["entries"] is None
    assert gone["contract"] is None
    with list_office.store() as store:
        assert store.watchlists.load("wanted") is None
        kinds = [LedgerRecord.parse(data) for data in store.ledger.records()]
        assert [each.body["event"] for each in kinds if each.kind is RecordKind.WATCHLIST_STEP] == [
            "imported",
            "frozen",
            "confirmed",
            "purged",
        ]
        assert kinds[-1].kind is RecordKind.KEY_DESTROYED
        store.verify()


def test_a_purged_list_stays_purged(command, list_office, act, pictures_of, both_listed):
    act("purge")
    assert act("purge").failed_plainly(10, "purged")
    ran = command(*list_office.importing(pictures_of("listed")))
    assert ran.failed_plainly(10, "purged")


def test_a_frozen_list_changes_only_when_it_is_reopened(
    command, list_office, act, pictures_of, both_listed
):
    act("freeze")
    act("confirm", "--all")
    folder = pictures_of("listed", "stranger")
    same = command(*list_office.importing(folder), "--json")
    assert same.json["changed"] is False
    other = list_office.importing(folder, reason_here="Another reason")
    assert command(*other).failed_plainly(10, "frozen")
    assert act("reopen").returncode == 0
    assert command(*other).returncode == 0
    assert act("freeze").returncode == 0
    # What was confirmed was confirmed of the list as it was.
    assert {each["state"] for each in shown(command)["entries"]} == {"unconfirmed"}


def test_a_file_says_who_is_still_wanted(command, act, both_listed, tmp_path):
    act("freeze")
    answer = tmp_path / "answer.csv"
    answer.write_text("source_system,source_reference,more\nRECORDS,REF-1,x\nrecords,ref-9,y\n")
    ran = act("confirm", "--from", answer, "--json").json
    assert ran["n_comparable"] == 1
    assert len(ran["absent"]) == 1
    assert ran["n_unknown"] == 1
    states = {each["entry_id"]: each["state"] for each in shown(command)["entries"]}
    assert states[ran["absent"][0]] == "unconfirmed"
    assert sorted(states.values()) == ["confirmed", "unconfirmed"]


def test_a_later_answer_takes_back_an_earlier_one(command, act, both_listed, tmp_path):
    act("freeze")
    assert act("confirm", "--all", "--json").json["n_comparable"] == 2
    answer = tmp_path / "answer.csv"
    answer.write_text("source_system,source_reference\nrecords,ref-1\n")
    assert act("confirm", "--from", answer, "--json").json["n_comparable"] == 1
    answer.write_text("source_system,source_reference\nanother system,ref-1\n")
    assert act("confirm", "--from", answer, "--json").failed_plainly(3, "Nobody on the list")


@pytest.mark.parametrize("options", [(), ("--all", "--from", "file.csv")])
def test_a_confirmation_says_of_whom(act, both_listed, options):
    assert act("confirm", *options).failed_plainly(2, "--all, or --from")


def test_who_is_withdrawn_is_not_compared_and_stays_in_the_manifest(command, act, both_listed):
    act("freeze")
    act("confirm", "--all")
    before = shown(command)["sha256"]
    gone, stays = ids(command)
    assert act("withdraw", gone, "--reason", "arrested").returncode == 0
    after = shown(command)
    assert after["sha256"] == before
    assert {e["entry_id"]: e["state"] for e in after["entries"]} == {
        gone: "withdrawn",
        stays: "confirmed",
    }
    assert act("withdraw", gone, "--reason", "error").failed_plainly(10, "withdrawn before")
    assert act("withdraw", "e-0", "--reason", "error").failed_plainly(3, "no entry")


def test_people_who_look_alike_are_decided_on_first(command, list_office, act, pictures_of, row):
    folder = pictures_of("listed")
    cv2.imwrite(str(folder / "again.png"), cv2.imread(str(folder / "listed.png"))[:, ::-1])
    imported = command(*list_office.importing(folder), "--json").json
    assert imported["n_undecided_pairs"] == 1
    assert act("freeze").failed_plainly(9, "undecided")
    checked = act("check", "--json").json
    assert checked["allowed"] is False
    (pair,) = checked["undecided_pairs"]
    assert pair["likely"] == "same"
    assert act("decide", pair["a"], pair["b"], "perhaps").failed_plainly(2, "same, kin, different")
    assert act("decide", pair["a"], pair["b"], "kin").returncode == 0
    assert act("check", "--json").json["allowed"] is True
    assert act("freeze").returncode == 0
    groups = {each["kin_group"] for each in shown(command)["entries"]}
    assert len(groups) == 1
    assert None not in groups
    with list_office.store() as store:
        kept = store.watchlists.load("wanted")
        from overt.watchlist.manifest import manifest_sha256

        assert manifest_sha256(kept.contract, kept.entries) == kept.manifest_sha256


def test_all_that_remain_are_decided_at_once(command, list_office, act, pictures_of):
    folder = pictures_of("listed")
    cv2.imwrite(str(folder / "again.png"), cv2.imread(str(folder / "listed.png"))[:, ::-1])
    command(*list_office.importing(folder))
    assert act("decide", "--all-remaining", "different").returncode == 0
    assert act("decide", "--all-remaining", "different").failed_plainly(10, "No pair is left")
    assert act("freeze").returncode == 0
    assert {each["kin_group"] for each in shown(command)["entries"]} == {None}


def test_a_child_needs_authority_by_name(command, list_office, act, pictures_of):
    folder = pictures_of("listed")
    child = {
        "category": "missing-at-risk",
        "date_of_birth": "2015-01-01",
        "response_plan": "Take to the family",
        "image_source": "family",
    }
    assert command(*list_office.importing(folder, **child)).returncode == 0
    (entry,) = ids(command)
    assert shown(command)["entries"][0]["needs_named_authority"] is True
    assert act("freeze").failed_plainly(9, "authority by name")
    assert act("approve", entry).failed_plainly(9, "may not authorise an entry by name")
    approved = act("approve", entry, by="demo-chief")
    assert approved.returncode == 0, approved.stderr
    assert act("freeze").returncode == 0
    (approval,) = shown(command)["life"]["approvals"]
    assert approval["by"] == "demo-chief"


def test_authority_by_name_goes_when_the_grounds_change(command, list_office, act, pictures_of):
    folder = pictures_of("listed")
    child = {
        "category": "missing-at-risk",
        "date_of_birth": "2015-01-01",
        "response_plan": "Take to the family",
        "image_source": "family",
    }
    command(*list_office.importing(folder, **child))
    (entry,) = ids(command)
    assert act("approve", entry, by="demo-chief").returncode == 0
    command(*list_office.importing(folder, **child, instructions="Stop at once"))
    assert ids(command) == [entry]
    assert shown(command)["life"]["approvals"] == []
    assert act("freeze").failed_plainly(9, "authority by name")


def test_names_and_grounds_are_shown_to_whoever_may_read_them(
    command, list_office, act, both_listed
):
    closed = json.dumps(shown(command))
    for secret in ("Lives around the corner", "ref-1", "Bench warrant", '"listed"'):
        assert secret not in closed
    opened = shown(command, "--as", list_office.key())
    details = {each["details"]["name"]: each["details"] for each in opened["entries"]}
    assert set(details) == {"listed", "stranger"}
    assert details["listed"]["reason_here"] == "Lives around the corner"
    assert details["listed"]["lawful_basis"] == "Bench warrant"
    assert details["listed"]["quality"][0][0]["verdict"] == "good"
    ran = act("show", by="demo-administrator")
    assert ran.failed_plainly(9, "may not read a watchlist")


def test_pairs_are_shown_to_whoever_may_see_faces(command, list_office, act, pictures_of, tmp_path):
    folder = pictures_of("listed")
    cv2.imwrite(str(folder / "again<b>.png"), cv2.imread(str(folder / "listed.png"))[:, ::-1])
    command(*list_office.importing(folder))
    page, sheet = tmp_path / "pairs.html", tmp_path / "pairs.png"
    assert command("watchlist", "check", "wanted", "--sheet", page).failed_plainly(2, "--as KEY")
    assert act("check", "--sheet", page, by="demo-requester").failed_plainly(9, "may not see")
    assert act("check", "--sheet", tmp_path / "pairs.pdf").failed_plainly(2, ".html or .png")
    assert not page.exists()
    assert act("check", "--sheet", page).returncode == 0
    assert act("check", "--sheet", sheet).returncode == 0
    text = page.read_text("utf-8")
    assert text.count("data:image/jpeg;base64,") == 2
    assert "again&lt;b&gt;" in text
    assert "again<b>" not in text
    assert page.stat().st_mode & 0o077 == 0
    assert cv2.imread(str(sheet)).shape[0] > 100


def test_the_use_case_is_checked_if_it_is_asked_for(command, both_listed):
    ran = command("watchlist", "check", "wanted", "--use-case", "missing-person-hotspot", "--json")
    assert [each["rule"] for each in ran.json["refusals"]] == ["use-cases"]
    assert command("watchlist", "check", "wanted", "--json").json["allowed"] is True


def test_lists_are_shown(command, both_listed):
    assert "wanted" in command("watchlist", "show").stdout
    assert "wanted" in command("watchlist", "show", "wanted").stdout
    assert command("watchlist", "show", "another").failed_plainly(3, "no list of that name")


@pytest.mark.parametrize(
    "arguments",
    [
        ("freeze",), ("reopen",), ("confirm", "--all"), ("approve", "e-1"), ("purge",),
        ("withdraw", "e-1", "--reason", "error"), ("decide", "e-1", "e-2", "kin"), ("check",),
    ],
)  # fmt: skip
def test_there_must_be_such_a_list(command, list_office, arguments):
    verb, *more = arguments
    options = () if verb == "check" else ("--as", list_office.key())
    ran = command("watchlist", verb, "nowhere", *more, *options)
    assert ran.failed_plainly(3, "no list of that name")


def test_a_list_from_before_lists_had_a_life(command, list_office, watchlist, act):
    with list_office.store() as store:
        store.watchlists.save(watchlist)
    key = list_office.key()
    ran = command("watchlist", "freeze", "the-list", "--as", key)
    assert ran.failed_plainly(10, "import it again")
    (one,) = command("watchlist", "show", "the-list", "--json").json["watchlists"]
    assert one["life"] is None
    assert len(one["entries"]) == 1
    assert command("watchlist", "purge", "the-list", "--as", key).returncode == 0
    assert command("watchlist", "show", "--json").json["watchlists"] == []
