"""``overt people``: who is registered, by whom, and what is refused."""

import pytest


@pytest.fixture
def key_of(command, tmp_path):
    """Return the signing key of somebody, made when it is first asked for."""

    def do(name):
        path = tmp_path / "keys" / name
        if not path.exists():
            assert command("people", "new-key", path).returncode == 0
        return path

    return do


@pytest.fixture
def add(command, key_of):
    def do(name, *roles, by="ad-1", **options):
        options = {"rank": "sergeant", "organisation": "East [bold]Force"} | options
        flat = [part for key, value in options.items() for part in (f"--{key}", value)]
        roles = [part for role in roles for part in ("--role", role)]
        acting = () if by is None else ("--as", key_of(by))
        key = ("--key", f"{key_of(name)}.pub")
        return command("people", "add", name, *key, *flat, *roles, *acting)

    return do


@pytest.fixture
def registered(add):
    assert add("ad-1", "administrator", by=None).returncode == 0
    assert add("op-1", "operator", "engagement-officer:deployment=d-1:camera=gate").returncode == 0


def test_a_key_is_made_by_the_person_it_stands_for(command, tmp_path):
    path = tmp_path / ("deep" * 30) / "mine[1].key"
    ran = command("people", "new-key", path)
    assert ran.returncode == 0
    assert path.stat().st_mode & 0o777 == 0o600
    private, public = ran.stderr.splitlines()
    assert private.startswith(f"Signing key {path}: keep it with the person")
    assert public.startswith(f"Public key {path}.pub:")
    assert public.endswith("overt people add")
    assert command("people", "new-key", path).failed_plainly(3, "not replaced")


def test_people_are_listed_and_shown(command, registered, key_of):
    people = command("people", "list", "--json").json["people"]
    assert [person["id"] for person in people] == ["ad-1", "op-1"]
    shown = command("people", "show", "op-1", "--json").json
    assert shown["grants"] == ["operator", "engagement-officer:deployment=d-1:camera=gate"]
    assert shown["organisation"] == "East [bold]Force"
    assert (shown["version"], shown["struck_off"], shown["independent"]) == (1, False, False)
    assert len(shown["public_key"]) == 64
    for words in (command("people", "list").stdout, command("people", "show", "op-1").stdout):
        assert "East [bold]Force" in words
        assert "engagement-officer:deployment=d-1:camera=gate" in words


def test_the_first_person_is_an_administrator(command, add, home):
    assert add("op-1", "operator", by=None).failed_plainly(9, "must be an administrator")
    assert command("people", "list", "--json").json == {"people": []}


def test_only_an_administrator_registers_and_nobody_themself(command, add, registered, key_of):
    assert add("x-1", "analyst", by="op-1").failed_plainly(9, "may not manage people")
    assert add("x-1", "analyst", by=None).failed_plainly(9, "only the first")
    own = command("people", "change", "ad-1", "--rank", "chief", "--as", key_of("ad-1"))
    assert own.failed_plainly(9, "cannot change their own entry")
    last = command("people", "strike-off", "ad-1", "--as", key_of("op-1"))
    assert last.failed_plainly(9, "last administrator")


def test_a_key_that_the_register_does_not_know_is_nobodys(command, registered, key_of):
    ran = command("people", "strike-off", "op-1", "--as", key_of("stranger"))
    assert ran.failed_plainly(9, "nobody in the register")


def test_a_key_that_others_can_read_is_not_taken(command, registered, key_of):
    key_of("ad-1").chmod(0o644)
    ran = command("people", "strike-off", "op-1", "--as", key_of("ad-1"))
    assert ran.failed_plainly(4, "chmod 600")


def test_an_entry_is_changed_and_its_version_counts(command, registered, key_of):
    by = ("--as", key_of("ad-1"))
    change = ("people", "change", "op-1")
    assert command(*change, "--rank", "inspector", "--independent", *by).returncode == 0
    assert command(*change, "--role", "analyst", "--not-independent", *by).returncode == 0
    shown = command("people", "show", "op-1", "--json").json
    assert (shown["rank"], shown["grants"], shown["version"]) == ("inspector", ["analyst"], 3)
    assert command(*change, *by).failed_plainly(3, "say what to change")


def test_who_is_struck_off_acts_no_more_and_stays_on_record(command, add, registered, key_of):
    assert add("ad-2", "administrator").returncode == 0
    assert command("people", "strike-off", "ad-1", "--as", key_of("ad-2")).returncode == 0
    ran = command("people", "strike-off", "op-1", "--as", key_of("ad-1"))
    assert ran.failed_plainly(9, "struck off")
    assert "struck off" in command("people", "list").stdout
    assert add("new", "analyst", by="ad-2", key=f"{key_of('op-1')}.pub").returncode == 10


@pytest.fixture
def adopted(command, add, registered, key_of):
    """Sign the shipped pack into force."""
    chief = add("ao-1", "authorising-officer", rank="chief-constable")
    assert (chief.returncode, "Warning" in chief.stderr) == (0, False)
    assert command("policy", "sign", "uk-police", "--as", key_of("ao-1")).returncode == 0


def test_a_rank_that_no_pack_in_force_knows_is_warned_of(command, add, adopted, key_of):
    ran = add("ao-2", "authorising-officer", rank="superintendant")
    assert ran.returncode == 0
    warning, registered = ran.stderr.splitlines()
    assert warning.startswith("Warning: no policy pack in force here knows the rank superintendant")
    assert "superintendent, " in warning
    assert "civilian" in warning
    assert registered.startswith("Registered ao-2")
    change = ("people", "change", "ao-2", "--as", key_of("ad-1"))
    for more, warns in (
        (("--rank", "superintendent"), False),
        (("--rank", "colonel"), True),
        (("--role", "analyst"), False),
    ):
        ran = command(*change, *more)
        assert (ran.returncode, "Warning" in ran.stderr) == (0, warns), more
    assert add("an-1", "analyst", rank="civilian").stderr.count("Warning") == 0


def test_without_a_pack_no_rank_is_warned_of(add, registered):
    ran = add("ao-2", "authorising-officer", rank="superintendant")
    assert (ran.returncode, "Warning" in ran.stderr) == (0, False)


def test_a_pack_that_was_replaced_knows_no_rank_any_more(
    command, add, adopted, key_of, pack_toml, tmp_path
):
    newer = pack_toml.replace(b'version = "', b'version = "9.', 1)
    newer = newer.replace(b'"civilian"', b'"member-of-staff"')
    path = tmp_path / "newer.toml"
    path.write_bytes(newer)
    assert command("policy", "sign", path, "--as", key_of("ao-1")).returncode == 0
    warned = [
        "Warning" in add(f"x-{rank}", "analyst", rank=rank).stderr
        for rank in ("civilian", "member-of-staff")
    ]
    assert warned == [True, False]


def test_somebody_unknown_is_not_there(command, registered, key_of):
    assert command("people", "show", "nobody").failed_plainly(3, "nobody of that id")
    ran = command("people", "strike-off", "nobody", "--as", key_of("ad-1"))
    assert ran.failed_plainly(3, "nobody of that id")


@pytest.mark.parametrize(
    ("role", "says"),
    [
        ("king", "no such role"),
        ("operator:deployment", "limited by"),
        ("operator:deployment=", "limited by"),
        ("operator:street=high", "limited by"),
        ("administrator:deployment=d-1", "cannot be limited"),
    ],
)
def test_a_role_that_is_none_is_refused(add, registered, role, says):
    ran = add("x-1", role)
    assert ran.failed_plainly(9 if "administrator" in role else 3, says)
