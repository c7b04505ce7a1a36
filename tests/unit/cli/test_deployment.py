"""``overt deployment``: the application and the authority at the command line."""

import json
from datetime import timedelta

import pytest

from overt.core.ids import DeploymentId
from overt.deployment.capability import verify
from overt.policy.roles import Role

EVERY_PART = (
    "crime|missing-person-hotspot",
    "The gate",
    "HOT-2026-7",
    "the-list: 1 person",
    "1 missing at risk",
    "one false alert in 1,000",
    "Impact on data protection",
    "demo-operator-1 as operator",
    "At every corner.",
    "Necessity",
    "uk-police",
)


def test_from_the_form_to_the_closing(command, office, act, deployment_shown):
    requester = office.key("demo-requester")
    applied = command("deployment", "apply", office.form(), "--as", requester)
    assert "Nothing is missing: overt deployment submit d-1" in applied.stderr
    deployment_shown()
    assert "Nothing stands in the way" in command("deployment", "check", "d-1").stderr
    act("submit", "demo-requester")
    told = act("authorise", "demo-authoriser", "--yes").stderr
    assert all(any(one in told for one in part.split("|")) for part in EVERY_PART)
    assert "You sign as demo-authoriser, superintendent, by the ordinary route" in told
    act("check-in", "demo-operator-1")
    assert "demo-operator-1 (operator)" in act("check-in", "demo-engagement-officer-1").stderr
    act("confirm-signs", "demo-operator-1")
    assert "d-1 is ready" in act("ready", "demo-operator-1").stderr
    deployment_shown()
    act("end", "demo-operator-1", "--reason", "Enough.")
    blank = command("deployment", "report", "d-1", "--template").stdout
    assert "At least 20 characters. [rule closing]" in blank
    requester = office.key("demo-requester")
    ran = command("deployment", "report", "d-1", office.report(), "--as", requester)
    assert ran.returncode == 0
    closed = act("close", "demo-authoriser").stdout
    assert "Destroyed now: the key of the watchlist" in closed
    assert "picture" in closed
    document = deployment_shown()
    assert document["state"] == "closed"
    assert document["watchlist"]["available"] is False
    assert document["authority"]["watchlist"]["n_entries"] == 1
    assert [step["number"] for step in document["steps"]] == list(range(1, 11))
    assert "1 person; not here" in command("deployment", "show", "d-1").stdout
    with office.store() as store:
        store.verify()


def test_the_list_is_a_table_that_people_read(command, authorised_office):
    assert authorised_office
    table = command("deployment", "list").stdout
    assert "Authorised by" in table
    assert "demo-authoriser, superintendent" in table
    assert "The gate" in table
    (row,) = command("deployment", "list", "--json").json["deployments"]
    assert (row["deployment"], row["state"], row["route"]) == ("d-1", "authorised", "ordinary")


def test_without_deployments_the_list_says_how_to_begin(command):
    assert "overt deployment template" in command("deployment", "list").stderr


# the application


@pytest.mark.parametrize("pack", ["uk-police", "eu-ai-act"])
def test_the_form_is_printed_for_a_pack(command, pack):
    ran = command("deployment", "template", "--policy", pack)
    assert f'policy = "{pack}"' in ran.stdout


def test_there_is_no_form_for_a_pack_that_is_not_there(command):
    assert command("deployment", "template", "--policy", "none").failed_plainly(3, "overt policy")


def test_an_application_that_lacks_something_says_all_of_it(command, office):
    form = office.form(('kind = "dpia"', 'kind = "other"'), ('signage = "At every corner."', ""))
    applied = command("deployment", "apply", form, "--as", office.key("demo-requester"))
    assert "still asks for 2 things: overt deployment check d-1" in applied.stderr
    ran = command("deployment", "check", "d-1")
    assert ran.returncode == 9
    assert "(rule documents;" in ran.stdout
    assert "(rule signage;" in ran.stdout
    assert "2 things stand in the way" in ran.stderr
    ran = command("deployment", "check", "d-1", "--json")
    assert ran.returncode == 9
    assert {each["rule"] for each in ran.json["refusals"]} == {"documents", "signage"}
    assert all(each["source"] and each["reason"] for each in ran.json["refusals"])
    ran = command("deployment", "submit", "d-1", "--as", office.key("demo-requester"))
    assert ran.failed_plainly(9, "rule documents")


@pytest.mark.parametrize(
    ("old", "new", "code", "says"),
    [
        ('path = "dpia.pdf"', 'path = "none.pdf"', 3, "document[1].path: the file cannot be read"),
        ('path = "policy.pdf"', 'path = "."', 3, "document[3].path: the file is not a file"),
        ('policy = "uk-police"', 'policy = "none"', 3, "deployment.policy"),
        ('watchlist = "the-list"', 'watchlist = "none"', 3, "deployment.watchlist"),
        ("one_in = 1000", "one_in = 1000000", 3, "No measurement supports"),
        ("[0.001, 0.001], [-0.001, 0.001]]", "[-0.001, 0.001], [0.001, 0.001]]", 3, "not valid"),
        ("polygon = ", 'geojson = "place.json" #', 3, "place.geojson: the file cannot be read"),
        ('role = "operator"', 'role = "king"', 3, "officer[1].role"),
        ("[window]", "[window", 3, "not valid TOML"),
        ('title = "An afternoon', 'title = "\\u001b[2J', 3, "deployment.title"),
    ],
)  # fmt: skip
def test_a_form_that_cannot_be_used_names_the_place(command, office, old, new, code, says):
    form = office.form((old, new))
    ran = command("deployment", "apply", form, "--as", office.key("demo-requester"))
    assert ran.returncode == code
    assert says in ran.stderr
    assert "Traceback" not in ran.stderr
    assert command("deployment", "list").stdout == ""


def test_a_form_that_is_not_there_is_said(command, office):
    key = office.key("demo-requester")
    ran = command("deployment", "apply", office.folder / "none.toml", "--as", key)
    assert ran.failed_plainly(3, "cannot be read")


def test_a_place_can_be_drawn_in_a_file_of_its_own(command, office, deployment_shown):
    square = [[-0.001, -0.001], [0.001, -0.001], [0.001, 0.001], [-0.001, -0.001]]
    drawn = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [square]}}
    (office.folder / "place.json").write_text(json.dumps(drawn))
    form = office.form(("polygon = ", 'geojson = "place.json" #'))
    command("deployment", "apply", form, "--as", office.key("demo-requester"))
    assert deployment_shown()["application"]["place"]["area"]["coordinates"] == [square]


def test_a_threshold_of_ones_own_brings_its_evidence(command, office, deployment_shown):
    own = (
        "value = 0.6\n[threshold.evidence]\nmeasured = 2026-11-01\nn_entries = 500\n"
        'false_alert_one_in = 2000\nthreshold = 0.55\nsource = "Our trial of October"'
    )
    form = office.form(("one_in = 1000", own))
    command("deployment", "apply", form, "--as", office.key("demo-requester"))
    bound = deployment_shown()["application"]["bindings"]
    assert (bound["threshold"], bound["evidence"]["threshold"]) == (0.6, 0.55)
    assert bound["false_alert_one_in"] is None


def test_a_list_that_is_not_frozen_cannot_be_applied_with(command, office):
    from overt.core.clock import SystemClock
    from overt.watchlist.lifecycle import Actor, reopen

    with office.store() as store:
        life = store.watchlist_lives.find("the-list")
        by = Actor(office.force.list_manager, SystemClock().now_utc())
        store.watchlist_lives.take(reopen(life, by))
    ran = command("deployment", "apply", office.form(), "--as", office.key("demo-requester"))
    assert ran.failed_plainly(10, "not frozen")


def test_only_a_requester_applies(command, office):
    for who in ("demo-authoriser", "demo-operator-1", "demo-administrator"):
        ran = command("deployment", "apply", office.form(), "--as", office.key(who))
        assert ran.failed_plainly(9, "this takes the role requester")


# authority


def test_without_a_terminal_yes_must_be_said(command, submitted, deployment_shown):
    ran = command("deployment", "authorise", "d-1", "--as", submitted.key("demo-authoriser"))
    assert ran.returncode == 2
    assert "say --yes" in ran.stderr
    assert deployment_shown()["state"] == "submitted"


def test_whoever_says_no_signs_nothing(command, submitted, monkeypatch, deployment_shown):
    import io

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    ran = command("deployment", "authorise", "d-1", "--as", submitted.key("demo-authoriser"))
    assert ran.returncode == 130
    assert "Nothing was signed" in ran.stderr
    assert deployment_shown()["state"] == "submitted"
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    ran = command("deployment", "authorise", "d-1", "--as", submitted.key("demo-authoriser"))
    assert ran.returncode == 0
    assert deployment_shown()["state"] == "authorised"


def test_the_capability_is_one_that_a_node_accepts(command, submitted, tmp_path):
    out, key = tmp_path / "d-1.capability", submitted.key("demo-authoriser")
    ran = command("deployment", "authorise", "d-1", "--as", key, "--yes", "--out", out)
    assert ran.returncode == 0
    public = submitted.force.key_of("demo-authoriser").public_key()
    allowed = verify(out.read_bytes(), [public])
    assert allowed.deployment == "d-1"
    with submitted.store() as store:
        assert store.lives.capability(DeploymentId("d-1")) == out.read_bytes()
    shown_as = ("deployment", "capability", out)
    assert command(*shown_as).failed_plainly(5, "not trusted here")
    pem = tmp_path / "authoriser.pub"
    from cryptography.hazmat.primitives import serialization

    pem.write_bytes(
        public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    assert command("deployment", "trust", pem).returncode == 0
    assert "Valid now" in command(*shown_as).stderr
    assert command(*shown_as, "--json").json["deployment"] == "d-1"


def test_a_place_that_cannot_be_written_leaves_the_authority_standing(
    command, submitted, tmp_path, deployment_shown
):
    out, key = tmp_path / "none" / "c", submitted.key("demo-authoriser")
    ran = command("deployment", "authorise", "d-1", "--as", key, "--yes", "--out", out)
    assert ran.returncode == 7
    assert "It is authorised and kept here" in ran.stderr
    assert deployment_shown()["state"] == "authorised"


def test_too_low_a_rank_or_the_requester_authorises_nothing(command, submitted, deployment_shown):
    low = submitted.register("low", Role.AUTHORISING_OFFICER, "sergeant")
    ran = command("deployment", "authorise", "d-1", "--as", low, "--yes")
    assert ran.returncode == 9
    assert "A superintendent or above authorises" in ran.stderr
    assert "rule authorising-rank" in ran.stderr
    ran = command(
        "deployment", "authorise", "d-1", "--as", submitted.key("demo-requester"), "--yes"
    )
    assert ran.returncode == 9
    assert deployment_shown()["state"] == "submitted"


def test_who_was_struck_off_does_nothing(command, submitted):
    key = submitted.key("demo-authoriser")
    submitted.strike_off("demo-authoriser")
    ran = command("deployment", "authorise", "d-1", "--as", key, "--yes")
    assert ran.failed_plainly(9, "struck off")


def test_the_urgent_route_ends_unless_ratified(command, submitted, deployment_shown):
    inspector = submitted.register("inspector", Role.AUTHORISING_OFFICER, "inspector")
    urgent = ("deployment", "authorise", "d-1", "--as", inspector, "--yes", "--urgent")
    assert command(*urgent).returncode == 9
    assert command(*urgent[:-1], "--reason", "Now.").returncode == 2
    ran = command(*urgent, "--reason", "Somebody is in danger.")
    assert ran.returncode == 0, ran.stderr
    assert "unless somebody else ratifies it" in ran.stderr
    assert "(urgent)" in command("deployment", "list").stdout
    assert command("deployment", "ratify", "d-1", "--as", inspector, "--yes").returncode == 9
    key = submitted.key("demo-authoriser")
    assert command("deployment", "ratify", "d-1", "--as", key, "--yes").returncode == 0
    given = deployment_shown()["authority"]
    assert (given["ratified_by"], given["urgent_authoriser"]) == ("demo-authoriser", "inspector")


def test_an_urgent_authority_that_would_be_over_before_the_start_is_said(command, office):
    requester = office.key("demo-requester")
    command("deployment", "apply", office.form(starts=timedelta(days=1)), "--as", requester)
    command("deployment", "submit", "d-1", "--as", requester)
    inspector = office.register("inspector", Role.AUTHORISING_OFFICER, "inspector")
    ran = command(
        "deployment", "authorise", "d-1", "--as", inspector, "--yes", "--urgent", "--reason", "Now."
    )
    assert ran.returncode == 9
    assert "before the deployment begins" in ran.stderr


def test_a_refused_ratification_ends_it(command, submitted, deployment_shown):
    inspector = submitted.register("inspector", Role.AUTHORISING_OFFICER, "inspector")
    key = submitted.key("demo-authoriser")
    command(
        "deployment", "authorise", "d-1", "--as", inspector, "--yes", "--urgent", "--reason", "Now."
    )
    ran = command("deployment", "refuse-ratification", "d-1", "--as", key, "--reason", "No.")
    assert ran.returncode == 0
    assert deployment_shown()["state"] == "ended"


def test_at_a_protest_somebody_independent_cosigns(command, office, deployment_shown):
    form = office.form(
        ("is_protest = false", "is_protest = true"),
        ("[notice]", f'protest_necessity = "{"Why it is needed there. " * 8}"\n[notice]'),
    )
    requester, chief = office.key("demo-requester"), office.key("demo-chief")
    command("deployment", "apply", form, "--as", requester)
    assert command("deployment", "submit", "d-1", "--as", requester).returncode == 0
    ran = command("deployment", "authorise", "d-1", "--as", chief, "--yes")
    assert ran.returncode == 9
    assert "rule co-signature" in ran.stderr
    lay = office.register(
        "lay", Role.AUTHORISING_OFFICER, "independent-member", organisation="court",
        independent=True,
    )  # fmt: skip
    assert command("deployment", "cosign", "d-1", "--as", lay).returncode == 2
    ran = command("deployment", "cosign", "d-1", "--as", lay, "--yes")
    assert ran.returncode == 0, ran.stderr
    ran = command("deployment", "authorise", "d-1", "--as", chief, "--yes")
    assert ran.returncode == 0, ran.stderr
    assert "Co-signed by" in ran.stderr
    assert deployment_shown()["cosignature"]["person"] == "lay"


def test_a_refused_application_is_refused_for_good(command, submitted, act, deployment_shown):
    act("refuse", "demo-authoriser", "--reason", "Not necessary.")
    assert deployment_shown()["steps"][-1]["reason"] == "Not necessary."
    requester = submitted.key("demo-requester")
    again = command("deployment", "apply", submitted.form(), "--as", requester)
    assert again.failed_plainly(10, "is refused cannot take the step")


def test_an_application_can_be_taken_back(command, submitted, act, deployment_shown):
    act("withdraw", "demo-requester")
    assert deployment_shown()["state"] == "draft"
    form = submitted.form(('title = "An afternoon', 'title = "An evening'))
    command("deployment", "apply", form, "--as", submitted.key("demo-requester"))
    assert deployment_shown()["application"]["title"] == "An evening at the gate"
