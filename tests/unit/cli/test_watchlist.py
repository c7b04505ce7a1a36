"""``overt watchlist``: what is decided on a list, from the draft to the purge."""

import json

import cv2
import pytest

from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord


def test_a_list_is_frozen_confirmed_and_purged(list_office, on_list, both_listed, shown):
    assert on_list("freeze").returncode == 0
    assert {each["state"] for each in shown()["entries"]} == {"unconfirmed"}
    assert on_list("confirm", "--all", "--json").json["n_comparable"] == 2
    one = shown()
    assert one["life"]["state"] == "frozen"
    assert {each["state"] for each in one["entries"]} == {"confirmed"}
    assert on_list("purge").returncode == 0
    gone = shown()
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
        assert kinds[-3].kind is RecordKind.KEY_DESTROYED
        store.verify()


def test_a_purged_list_stays_purged(command, list_office, on_list, pictures_of, both_listed):
    on_list("purge")
    assert on_list("purge").failed_plainly(10, "purged")
    ran = command(*list_office.importing(pictures_of("listed")))
    assert ran.failed_plainly(10, "purged")


def test_a_frozen_list_changes_only_when_it_is_reopened(
    command, list_office, on_list, pictures_of, both_listed, shown
):
    on_list("freeze")
    on_list("confirm", "--all")
    folder = pictures_of("listed", "stranger")
    same = command(*list_office.importing(folder), "--json")
    assert same.json["changed"] is False
    other = list_office.importing(folder, reason_here="Another reason")
    assert command(*other).failed_plainly(10, "frozen")
    assert on_list("reopen").returncode == 0
    assert command(*other).returncode == 0
    assert on_list("freeze").returncode == 0
    # What was confirmed was confirmed of the list as it was.
    assert {each["state"] for each in shown()["entries"]} == {"unconfirmed"}


def test_a_file_says_who_is_still_wanted(on_list, both_listed, tmp_path, shown):
    on_list("freeze")
    answer = tmp_path / "answer.csv"
    answer.write_text("source_system,source_reference,more\nRECORDS,REF-1,x\nrecords,ref-9,y\n")
    ran = on_list("confirm", "--from", answer, "--json").json
    assert ran["n_comparable"] == 1
    assert len(ran["absent"]) == 1
    assert ran["n_unknown"] == 1
    states = {each["entry_id"]: each["state"] for each in shown()["entries"]}
    assert states[ran["absent"][0]] == "unconfirmed"
    assert sorted(states.values()) == ["confirmed", "unconfirmed"]


def test_a_later_answer_takes_back_an_earlier_one(on_list, both_listed, tmp_path):
    on_list("freeze")
    assert on_list("confirm", "--all", "--json").json["n_comparable"] == 2
    answer = tmp_path / "answer.csv"
    answer.write_text("source_system,source_reference\nrecords,ref-1\n")
    assert on_list("confirm", "--from", answer, "--json").json["n_comparable"] == 1
    answer.write_text("source_system,source_reference\nanother system,ref-1\n")
    assert on_list("confirm", "--from", answer, "--json").failed_plainly(3, "Nobody on the list")


@pytest.mark.parametrize("options", [(), ("--all", "--from", "file.csv")])
def test_a_confirmation_says_of_whom(on_list, both_listed, options):
    assert on_list("confirm", *options).failed_plainly(2, "--all, or --from")


def test_who_is_withdrawn_is_not_compared_and_stays_in_the_manifest(
    on_list, both_listed, shown, ids
):
    on_list("freeze")
    on_list("confirm", "--all")
    before = shown()["sha256"]
    gone, stays = ids()
    assert on_list("withdraw", gone, "--reason", "arrested").returncode == 0
    after = shown()
    assert after["sha256"] == before
    assert {e["entry_id"]: e["state"] for e in after["entries"]} == {
        gone: "withdrawn",
        stays: "confirmed",
    }
    assert on_list("withdraw", gone, "--reason", "error").failed_plainly(10, "withdrawn before")
    assert on_list("withdraw", "e-0", "--reason", "error").failed_plainly(3, "no entry")


def test_people_who_look_alike_are_decided_on_first(
    command, list_office, on_list, pictures_of, row, shown
):
    folder = pictures_of("listed")
    cv2.imwrite(str(folder / "again.png"), cv2.imread(str(folder / "listed.png"))[:, ::-1])
    imported = command(*list_office.importing(folder), "--json").json
    assert imported["n_undecided_pairs"] == 1
    assert on_list("freeze").failed_plainly(9, "undecided")
    checked = on_list("check", "--json").json
    assert checked["allowed"] is False
    (pair,) = checked["undecided_pairs"]
    assert pair["likely"] == "same"
    assert on_list("decide", pair["a"], pair["b"], "perhaps").failed_plainly(
        2, "same, kin, different"
    )
    assert on_list("decide", pair["a"], pair["b"], "kin").returncode == 0
    assert on_list("check", "--json").json["allowed"] is True
    assert on_list("freeze").returncode == 0
    groups = {each["kin_group"] for each in shown()["entries"]}
    assert len(groups) == 1
    assert None not in groups
    with list_office.store() as store:
        kept = store.watchlists.load("wanted")
        from overt.watchlist.manifest import manifest_sha256

        assert manifest_sha256(kept.contract, kept.entries) == kept.manifest_sha256


def test_all_that_remain_are_decided_at_once(command, list_office, on_list, pictures_of, shown):
    folder = pictures_of("listed")
    cv2.imwrite(str(folder / "again.png"), cv2.imread(str(folder / "listed.png"))[:, ::-1])
    command(*list_office.importing(folder))
    assert on_list("decide", "--all-remaining", "different").returncode == 0
    assert on_list("decide", "--all-remaining", "different").failed_plainly(10, "No pair is left")
    assert on_list("freeze").returncode == 0
    assert {each["kin_group"] for each in shown()["entries"]} == {None}


def test_a_child_needs_authority_by_name(command, list_office, on_list, pictures_of, shown, ids):
    folder = pictures_of("listed")
    child = {
        "category": "missing-at-risk",
        "date_of_birth": "2015-01-01",
        "response_plan": "Take to the family",
        "image_source": "family",
    }
    assert command(*list_office.importing(folder, **child)).returncode == 0
    (entry,) = ids()
    assert shown()["entries"][0]["needs_named_authority"] is True
    assert on_list("freeze").failed_plainly(9, "authority by name")
    assert on_list("approve", entry).failed_plainly(9, "may not authorise an entry by name")
    approved = on_list("approve", entry, by="demo-chief")
    assert approved.returncode == 0, approved.stderr
    assert on_list("freeze").returncode == 0
    (approval,) = shown()["life"]["approvals"]
    assert approval["by"] == "demo-chief"


def test_authority_by_name_goes_when_the_grounds_change(
    command, list_office, on_list, pictures_of, shown, ids
):
    folder = pictures_of("listed")
    child = {
        "category": "missing-at-risk",
        "date_of_birth": "2015-01-01",
        "response_plan": "Take to the family",
        "image_source": "family",
    }
    command(*list_office.importing(folder, **child))
    (entry,) = ids()
    assert on_list("approve", entry, by="demo-chief").returncode == 0
    command(*list_office.importing(folder, **child, instructions="Stop at once"))
    assert ids() == [entry]
    assert shown()["life"]["approvals"] == []
    assert on_list("freeze").failed_plainly(9, "authority by name")


def test_names_and_grounds_are_shown_to_whoever_may_read_them(
    list_office, on_list, both_listed, shown
):
    closed = json.dumps(shown())
    for secret in ("Lives around the corner", "ref-1", "Bench warrant", '"listed"'):
        assert secret not in closed
    opened = shown("--as", list_office.key())
    details = {each["details"]["name"]: each["details"] for each in opened["entries"]}
    assert set(details) == {"listed", "stranger"}
    assert details["listed"]["reason_here"] == "Lives around the corner"
    assert details["listed"]["lawful_basis"] == "Bench warrant"
    assert details["listed"]["quality"][0][0]["verdict"] == "good"
    ran = on_list("show", by="demo-administrator")
    assert ran.failed_plainly(9, "may not read a watchlist")


def test_pairs_are_shown_to_whoever_may_see_faces(
    command, list_office, on_list, pictures_of, tmp_path
):
    folder = pictures_of("listed")
    cv2.imwrite(str(folder / "again<b>.png"), cv2.imread(str(folder / "listed.png"))[:, ::-1])
    command(*list_office.importing(folder))
    page, sheet = tmp_path / "pairs.html", tmp_path / "pairs.png"
    assert command("watchlist", "check", "wanted", "--sheet", page).failed_plainly(2, "--as KEY")
    assert on_list("check", "--sheet", page, by="demo-requester").failed_plainly(9, "may not see")
    assert on_list("check", "--sheet", tmp_path / "pairs.pdf").failed_plainly(2, ".html or .png")
    assert not page.exists()
    assert on_list("check", "--sheet", page).returncode == 0
    assert on_list("check", "--sheet", sheet).returncode == 0
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


def test_what_is_refused_is_recorded_by_its_rule(command, list_office, on_list, both_listed):
    assert on_list("freeze", by="demo-requester").returncode == 9
    assert on_list("approve", "e-1", by="demo-list").returncode == 3
    with list_office.store() as store:
        records = [LedgerRecord.parse(data) for data in store.ledger.records()]
    refused = [each.body["rule"] for each in records if each.kind is RecordKind.REFUSAL]
    assert refused == ["roles"]


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


def test_a_list_from_before_lists_had_a_life(command, list_office, watchlist, on_list):
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


@pytest.mark.parametrize("state", ["draft", "frozen", "confirmed", "withdrawn", "purged"])
def test_what_is_shown_fits_the_published_schema(
    command, list_office, on_list, both_listed, ids, check_published, state
):
    if state != "draft":
        on_list("freeze")
    if state in {"confirmed", "withdrawn"}:
        on_list("confirm", "--all")
    if state == "withdrawn":
        on_list("withdraw", ids()[0], "--reason", "found")
    if state == "purged":
        on_list("purge")
    for arguments in (
        ("show", "--json"),
        ("show", "wanted", "--json"),
        ("show", "wanted", "--json", "--as", list_office.key()),
    ):
        check_published("watchlist", command("watchlist", *arguments).json)
