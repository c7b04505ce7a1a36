"""Checks an export with the program that outsiders use, and tells what it found.

Must not: open a store.
"""

from pathlib import Path

from overt.cli.ledger_files import (
    format_unix_s,
    n_entries,
    print_json,
    progress_on_terminal,
    read_file,
    say,
)
from overt.core.errors import InputError, IntegrityError
from overt.ledger.cosignature import WitnessPolicy, WitnessVerifier
from overt.ledger.notes import NoteVerifier


def policy_of(witness_keys: list[str], quorum: int | None) -> WitnessPolicy:
    """Return which cosignatures were asked for: all of those named, unless a quorum is given.

    Raises:
        InputError: a key is none, stands there twice, or the quorum cannot be met.
    """
    witnesses = tuple(map(WitnessVerifier.parse, witness_keys))
    return WitnessPolicy(witnesses, len(witnesses) if quorum is None else quorum)


def check_export(
    folder: Path,
    key: str,
    witness_keys: list[str],
    quorum: int | None,
    previous: Path | None,
    *,
    as_json: bool,
) -> None:
    """Check an export and tell what it is.

    Raises:
        InputError: a key or the earlier checkpoint cannot be used, or there is no export.
        IntegrityError: the first thing that does not fit.
    """
    from overt.ledger import outsider

    log, policy = NoteVerifier.parse(key), policy_of(witness_keys, quorum)
    earlier = None if previous is None else read_file(previous)
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.")
    keys = [str(each) for each in policy.witnesses]
    try:
        with progress_on_terminal("Checking") as progress:
            found = outsider.check(
                folder, str(log), keys, quorum=policy.quorum, previous=earlier, progress=progress
            )
    except outsider.Finding as finding:
        if as_json:
            where = {"path": finding.path, "record": finding.record}
            print_json({"verified": False, "code": finding.code, "says": finding.says, **where})
        raise IntegrityError(finding.says) from finding
    for line in found["cosigned"]:
        line["at_utc"] = format_unix_s(line.pop("time_s"))
    if as_json:
        ok, root = found.pop("ok"), found.pop("root")
        print_json({"verified": ok, "root_sha256": root, **found})
        return
    print(f"The export holds together: {n_entries(found['n_records'])}; root {found['root']}.")
    for line in found["cosigned"]:
        print(f"Cosigned by {line['name']}, {line['at_utc']}.")
    for each in found["observations"]:
        say(f"Entry {each['record']}: {each['says']}.")
