"""The source's answer, as a file."""

from datetime import UTC, datetime

import pytest

from overt.core.errors import InputError
from overt.core.ids import EntryId
from overt.watchlist.grounds import Grounds
from overt.watchlist.still_wanted import MAX_BYTES, answer_for, read_still_wanted
from overt.watchlist.stored import EntryCard

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def card(number, system="records"):
    grounds = Grounds("wanted-on-warrant", "Warrant", system, f"Ref-{number}", "Seen here")
    return EntryCard(EntryId(f"e-{number}"), "name", (), None, None, grounds)


def written(tmp_path, text):
    path = tmp_path / "answer.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_who_is_named_is_still_wanted_however_it_is_spelt(tmp_path):
    path = written(tmp_path, "\ufeffsource_reference,x,source_system\n ref-1 ,,RECORDS\n\n")
    answer = answer_for([card(1), card(2)], read_still_wanted(path))
    assert answer.still is None
    assert answer.absent == {"e-2"}
    assert answer.n_unknown == 0


def test_a_file_speaks_for_the_systems_that_it_names(tmp_path):
    path = written(tmp_path, "source_system,source_reference\nrecords,ref-1\nrecords,ref-9\n")
    cards = [card(1), card(2), card(3, "courts")]
    answer = answer_for(cards, read_still_wanted(path))
    assert answer.still == {"e-1"}
    assert answer.absent == {"e-2"}
    assert answer.n_unknown == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "must name the column source_system"),
        ("source_system\nrecords\n", "must name the column source_reference"),
        ("source_system,source_reference,source_system\n", "source_system, once"),
        ("source_system,source_reference\nrecords,\n", "line 2, source_reference: must not"),
        ("source_system,source_reference\nrecords\n", "line 2, source_reference: must not"),
        ('source_system,source_reference\n"open,ref\n', "this is not CSV"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path, text, says):
    with pytest.raises(InputError, match=says):
        read_still_wanted(written(tmp_path, text))


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_still_wanted(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(b"source_system,source_reference\nM\xfcller,1\n")
    with pytest.raises(InputError, match="UTF-8"):
        read_still_wanted(tmp_path / "latin.csv")
    with (tmp_path / "huge.csv").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(InputError, match="larger than 64 MiB"):
        read_still_wanted(tmp_path / "huge.csv")
