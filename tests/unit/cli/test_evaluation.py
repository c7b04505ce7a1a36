"""``overt eval`` as a person runs it, on pictures of two people and of nobody."""

import json

import cv2
import numpy as np
import pytest

from overt.cli.main import main
from overt.evaluation.record import read_record


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def data(tmp_path_factory, portraits):
    """Each of two people four times, in other light; a third person without a face."""
    place = tmp_path_factory.mktemp("data")
    for label, picture in portraits.items():
        (place / label).mkdir()
        small = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        for number, gain in enumerate((1.0, 0.8, 0.9, 1.1)):
            lit = np.clip(small * gain, 0, 255).astype(np.uint8)
            cv2.imwrite(str(place / label / f"{number}.png"), lit)
    (place / "nobody").mkdir()
    for number in range(2):
        cv2.imwrite(str(place / "nobody" / f"{number}.png"), np.full((90, 90, 3), 90, np.uint8))
    return place


@pytest.fixture
def overt(tmp_path, cache, monkeypatch, capsys):
    monkeypatch.setenv("OVERT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OVERT_CACHE", str(cache))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words):
        monkeypatch.setattr("sys.argv", ["overt", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return run


def test_it_prints_results_with_counts_and_intervals(overt, data, cache):
    asked = ("eval", "identify", "--data", data, "--watchlist-size", 2, "--seed", 3, "--fpir", 0.5)
    code, out, _ = overt(*asked, "--json")
    assert code == 0
    printed = json.loads(out)
    result = printed["results"][0]
    assert {"fpir", "threshold", "tpir", "tpir_low", "tpir_high", "n_mated", "n_nonmated"} <= set(
        result
    )
    assert (printed["watchlist_size"], printed["seed"]) == (2, 3)
    assert 0 <= result["tpir_low"] <= result["tpir"] <= result["tpir_high"] <= 1
    failures = printed["evaluation"]["failures"]
    assert failures["n_mated"] == result["n_mated"]
    assert failures["n_unenrolled"] > 0, "whoever has no face cannot be enrolled, and counts"
    assert [path.stat().st_mode & 0o777 for path in (cache / "evaluation").glob("*.npz")] == [0o600]
    assert overt(*asked, "--json")[1] == out, "the same from the cache"
    assert overt(*asked)[0] == 0


def test_a_damaged_cache_is_made_anew(overt, data, cache):
    asked = ("eval", "identify", "--data", data, "--watchlist-size", 1, "--json")
    before = overt(*asked)[1]
    (kept,) = (cache / "evaluation").glob("*.npz")
    kept.write_bytes(kept.read_bytes()[:100])
    assert overt(*asked)[1] == before
    assert overt(*asked, "--no-cache")[1] == before


def test_nobody_is_named_in_the_record(overt, data, tmp_path):
    record = tmp_path / "record.json"
    asked = ("eval", "identify", "--data", data, "--watchlist-size", 1, "--out", record)
    code, _, said = overt(*asked)
    assert code == 0
    assert "not signed by anybody" in said
    body, signature = read_record(record.read_bytes())
    assert signature is None
    assert body["data"]["n_people"] == 3
    assert body["data"]["n_unacquired"] == 2
    assert b"grace" not in record.read_bytes()
    code, _, said = overt(*asked)
    assert code == 3
    assert "not replaced" in said


def test_the_label_error_report_can_be_given_to_exclude(overt, data, tmp_path):
    table = tmp_path / "errors.csv"
    code, out, _ = overt(
        "eval", "label-errors", "--data", data, "--out", table, "--at-least", -1, "--json"
    )
    assert code == 0
    assert json.loads(out)["n_pairs"] == 1
    assert table.stat().st_mode & 0o777 == 0o600
    asked = ("eval", "identify", "--data", data, "--watchlist-size", 1, "--json")
    printed = json.loads(overt(*asked, "--exclude", table)[1])
    assert printed["n_excluded_people"] == 2
    assert len(printed["exclusions_sha256"]) == 64
    assert printed["results"][0]["n_nonmated"] == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--watchlist-size", 9), 3, "cannot be drawn from 3 people"),
        (("--watchlist-size", 1, "--scores", "s-norm"), 2, "--cohort-size"),
        (("--watchlist-size", 1, "--as", "key"), 2, "--out"),
        (("--watchlist-size", 1, "--scores", "t-shift", "--cohort-size", 1), 3, "at least 100"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(overt, data, words, code, said):
    found, _, error = overt("eval", "identify", "--data", data, *words)
    assert found == code
    assert said in error
