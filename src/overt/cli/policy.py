"""``overt policy``: the rules of the force, as a document, checked, and signed into force.

Exit codes: 0; 3 a pack or file that cannot be used; 4 a pack kept here that was altered; 5 a
signature that does not fit; 7 not kept or not written; 9 whoever asks may not sign it.
Must not: sign with a key of nobody, or show another pack than the one asked for.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from overt.cli import wiring
from overt.cli.options import Acting, AsJson
from overt.core.clock import SystemClock, format_utc
from overt.core.errors import AuthorityError, InputError, StorageError
from overt.policy.pack import MAX_PACK_BYTES, PolicyPack, load_pack
from overt.policy.roles import Right

if TYPE_CHECKING:
    from overt.store.policies import AdoptedPack

app = typer.Typer(
    name="policy", help="Policy packs: the rules, as a document and signed.", no_args_is_help=True
)
PackName = Annotated[
    str, typer.Argument(metavar="NAME|FILE", help="A pack that ships, or a TOML file.")
]


@dataclass(frozen=True, slots=True)
class _Given:
    pack: PolicyPack
    toml: bytes


@app.command("list")
def list_packs(as_json: AsJson = False) -> None:
    """List the policy packs that ship, and those that were signed for use here."""
    shipped = [_read_file(path).pack for path in sorted(wiring.policy_folder().glob("*.toml"))]
    adopted = _adopted()
    in_force = {each.pack.id: each.pack.sha256 for each in adopted}
    signed = {each.pack.sha256 for each in adopted}
    rows = [_row(pack) for pack in shipped if pack.sha256 not in signed]
    rows += [
        {**_row(each.pack), **_signed(each), "in_force": in_force[each.pack.id] == each.pack.sha256}
        for each in adopted
    ]
    if as_json:
        _print_json({"packs": rows})
        return
    table = Table("Pack", "Version", "SHA-256", "Title", "Here", box=None)
    for row in rows:
        table.add_row(row["id"], row["version"], row["sha256"][:12], row["title"], _standing(row))
    Console().print(table)


@app.command("show")
def show(name: PackName, as_json: AsJson = False) -> None:
    """Show a whole pack as the force's policy document, in Markdown.

    A NAME stands for the pack that is in force here, or else for the one that ships.
    """
    from overt.policy.render import render

    adopted = (
        None if _is_file(name) else next((p for p in _adopted_last() if p.pack.id == name), None)
    )
    pack = _read(name).pack if adopted is None else adopted.pack
    if as_json:
        _print_json({**_document(pack), "in_force": None if adopted is None else _signed(adopted)})
        return
    print(render(pack), end="")
    if adopted is None:
        _say("Nobody has signed this pack for use here: overt policy sign")
    else:
        _say(f"In force here since {format_utc(adopted.adopted_utc)}, signed by {adopted.signer}.")


@app.command("check")
def check(
    name: PackName,
    signature: Annotated[
        Path | None, typer.Option(help="A signature file, by somebody in the register here.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check that a pack can be used, what its rules rest on, and its signature if one is given."""
    given = _read(name)
    signer = None if signature is None else _signer(given, _file(signature))
    today = SystemClock().now_utc().date()
    report = {
        **_row(given.pack),
        "rules": len(tuple(given.pack.rules.every())),
        "rests_on": _rests_on(given.pack),
        "signed_by": signer,
        "review_overdue": given.pack.review_by < today,
    }
    if as_json:
        _print_json(report)
        return
    _say(f"{report['id']} {report['version']} can be used: {report['rules']} rules.")
    _say(f"SHA-256 {report['sha256']}")
    for standing, ids in report["rests_on"].items():
        _say(f"Rules that rest on something {standing}: {len(ids)}")
    if signer is not None:
        _say(f"Signed by {signer}, who may.")
    if report["review_overdue"]:
        _say(f"It was to be looked at again by {given.pack.review_by.isoformat()}.")


@app.command("sign")
def sign(
    name: PackName,
    acting: Acting,
    out: Annotated[
        Path | None, typer.Option(help="Also write the signature to this new file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Sign a pack into force here. Takes the right to sign policy, and the rank it asks for."""
    from overt.cli.identity import act_as
    from overt.policy.signing import sign_pack
    from overt.store.policies import check_may_adopt

    given, clock = _read(name), SystemClock()
    with wiring.open_store(clock) as store:
        identity = act_as(store, acting)
        who = identity.person
        with store.looks.recording_refusals(Right.SIGN_POLICY, who.id):
            check_may_adopt(given.pack, who).require()
        signature = sign_pack(given.toml, identity.key)
        if out is not None:
            _write_new(out, signature)
        adopted = store.policies.adopt(given.toml, signature, who.id, clock.now_utc())
    if as_json:
        _print_json({**_row(given.pack), **_signed(adopted)})
        return
    _say(f"{given.pack.id} {given.pack.version} is in force here, signed by {who.id}.")


def _read(name: str) -> _Given:
    if _is_file(name):
        return _read_file(Path(name))
    shipped = {path.stem: path for path in wiring.policy_folder().glob("*.toml")}
    if name not in shipped:
        raise InputError(
            f"There is no policy pack of that name; there are {', '.join(sorted(shipped))}, and "
            "any TOML file."
        )
    return _read_file(shipped[name])


def _is_file(name: str) -> bool:
    return name.endswith(".toml") or "/" in name


def _read_file(path: Path) -> _Given:
    data = _file(path)
    return _Given(load_pack(data), data)


def _file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_PACK_BYTES + 1)
    except OSError as error:
        raise InputError(f"The file {path} cannot be read: {error.strerror}.") from error


def _write_new(path: Path, data: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError:
        raise InputError(f"The file {path} exists already.") from None
    except OSError as error:
        raise StorageError(f"The file {path} cannot be written: {error.strerror}.") from error


def _adopted() -> "tuple[AdoptedPack, ...]":
    """Return what was adopted here, without making a store where there is none."""
    if not wiring.has_store():
        return ()
    with wiring.open_store(SystemClock()) as store:
        return store.policies.list()


def _adopted_last() -> "tuple[AdoptedPack, ...]":
    return tuple(reversed(_adopted()))


def _signer(given: _Given, signature: bytes) -> str:
    """Return who signed a pack, if they are in the register here and may.

    Raises:
        AuthorityError: nobody who is, or the signature does not fit.
        PolicyError: the pack does not allow them to sign it.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from overt.policy.signing import key_id, verify_pack
    from overt.store.policies import check_may_adopt

    if not wiring.has_store():
        raise AuthorityError("There is no register of people here who could have signed it.")
    with wiring.open_store(SystemClock()) as store:
        people = store.people.list()
    keys = {each.id: Ed25519PublicKey.from_public_bytes(each.public_key) for each in people}
    signed_with = verify_pack(given.toml, signature, keys.values())
    who = next(each for each in people if key_id(keys[each.id]) == signed_with)
    check_may_adopt(given.pack, who).require()
    return who.id


def _row(pack: PolicyPack) -> dict[str, Any]:
    return {
        "id": pack.id,
        "version": pack.version,
        "sha256": pack.sha256,
        "title": pack.title,
        "jurisdiction": pack.jurisdiction,
    }


def _signed(adopted: "AdoptedPack") -> dict[str, Any]:
    return {
        "signed_by": adopted.signer,
        "key_id": adopted.key_id,
        "adopted_utc": format_utc(adopted.adopted_utc),
    }


def _standing(row: dict[str, Any]) -> str:
    if "signed_by" not in row:
        return "ships"
    return f"{'in force' if row['in_force'] else 'replaced'}, signed by {row['signed_by']}"


def _document(pack: PolicyPack) -> dict[str, Any]:
    statements = {rule.id: rule.statement() for rule in pack.rules.every()}
    content = pack.model_dump(mode="json", by_alias=True)
    return {"sha256": pack.sha256, **content, "statements": statements}


def _rests_on(pack: PolicyPack) -> dict[str, list[str]]:
    """Return the ids of the rules by the standing of any of their sources."""
    found: dict[str, list[str]] = {"read": [], "secondary": [], "recalled": [], "chosen": []}
    for rule in pack.rules.every():
        for standing in sorted({source.standing for source in pack.sources_of(rule)}):
            found[standing].append(rule.id)
    return found


def _print_json(content: dict[str, Any]) -> None:
    print(json.dumps(content, indent=2, ensure_ascii=False))


def _say(text: str) -> None:
    Console(stderr=True).print(text, soft_wrap=True, markup=False, highlight=False)
