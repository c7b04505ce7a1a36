"""The ledger's published vectors are what the code makes, and what they say is found is found."""

import base64
import json
import shutil
from pathlib import Path

import pytest

from fixtures.vectors import published
from overt.core.errors import InputError
from overt.ledger import outsider
from overt.ledger.merkle import verify_consistency, verify_inclusion
from overt.ledger.records import LedgerRecord

FOLDER = Path(__file__).parents[2] / "docs" / "specs" / "ledger-vectors"


def read(name):
    return json.loads((FOLDER / name).read_bytes())


def test_the_vectors_are_those_of_the_code(request):
    made = published()
    if request.config.getoption("--update-docs"):
        shutil.rmtree(FOLDER / "sample", ignore_errors=True)
        for path, data in made.items():
            (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
            (FOLDER / path).write_bytes(data)
    lies = {
        path.relative_to(FOLDER).as_posix(): path.read_bytes()
        for path in FOLDER.rglob("*")
        if path.is_file() and path.name != "README.md"
    }
    assert lies.keys() == made.keys(), "run make docs"
    assert [path for path in made if lies[path] != made[path]] == [], "run make docs"


def edit(folder, each):
    path = folder / each["path"]
    match each["do"]:
        case "xor":
            data = bytearray(path.read_bytes())
            data[each["at"]] ^= each["with"]
            path.write_bytes(data)
        case "write":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(base64.b64decode(each["base64"]))
        case "remove":
            path.unlink()


@pytest.mark.parametrize("case", read("cases.json"), ids=lambda case: case["name"])
def test_what_a_case_says_is_found(case, tmp_path):
    shutil.copytree(FOLDER / "sample", tmp_path / "log")
    for each in case["edits"]:
        edit(tmp_path / "log", each)
    previous = case["previous"] and (FOLDER / case["previous"]).read_bytes()
    found = None
    try:
        outsider.check(
            tmp_path / "log",
            read("keys.json")["log"]["public"],
            case["witnesses"],
            quorum=case["quorum"],
            previous=previous,
        )
    except outsider.Finding as finding:
        found = {"code": finding.code, "path": finding.path, "record": finding.record}
    assert found == case["found"]


@pytest.mark.parametrize("each", read("records.json")["accepted"], ids=lambda each: each["what"])
def test_what_is_a_record_is_accepted(each):
    outsider.parse_record(bytes.fromhex(each["hex"]))


@pytest.mark.parametrize("each", read("records.json")["refused"], ids=lambda each: each["what"])
def test_what_is_no_record_is_refused(each):
    with pytest.raises(ValueError):
        outsider.parse_record(bytes.fromhex(each["hex"]))
    with pytest.raises(InputError):
        LedgerRecord.parse(bytes.fromhex(each["hex"]))


def test_every_record_of_the_sample_is_one_of_a_known_kind():
    for path in sorted((FOLDER / "sample/tile/entries").rglob("*")):
        if path.is_file():
            data, at = path.read_bytes(), 0
            while at < len(data):
                end = at + 2 + int.from_bytes(data[at : at + 2], "big")
                LedgerRecord.parse(data[at + 2 : end])
                at = end


def test_the_published_proofs_are_proofs():
    tree = read("tree.json")
    roots = {each["size"]: bytes.fromhex(each["root"]) for each in tree["roots"]}
    leaves = {each["index"]: bytes.fromhex(each["leaf"]) for each in tree["leaves"]}
    for each in tree["inclusion"]:
        if each["index"] in leaves and each["size"] in roots:
            proof = [bytes.fromhex(step) for step in each["proof"]]
            leaf, root = leaves[each["index"]], roots[each["size"]]
            verify_inclusion(leaf, each["index"], each["size"], proof, root)
    for each in tree["consistency"]:
        if each["old"] in roots and each["new"] in roots:
            proof = [bytes.fromhex(step) for step in each["proof"]]
            old, new = each["old"], each["new"]
            verify_consistency(old, roots[old], new, roots[new], proof)
