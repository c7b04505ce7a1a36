"""Any file is an answer to "still wanted?" or refused plainly."""

import contextlib
import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.core.errors import InputError
from overt.watchlist.still_wanted import read_still_wanted, wanted_key

CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(data=st.binary(max_size=200))
def test_any_bytes_are_an_answer_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("answer") / "answer.csv"
    path.write_bytes(data)
    with contextlib.suppress(InputError):
        assert isinstance(read_still_wanted(path), frozenset)


@given(
    rows=st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=5),
    header=st.permutations(["source_system", "source_reference", "more"]),
)
def test_what_is_written_is_read(tmp_path_factory, rows, header):
    path = tmp_path_factory.mktemp("answer") / "answer.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    places = [header.index("source_system"), header.index("source_reference")]
    said = [row for row in rows if any(cell.strip() for cell in row)]
    if all(row[place].strip() for row in said for place in places):
        found = read_still_wanted(path)
        assert found == {wanted_key(row[places[0]], row[places[1]]) for row in said}
    else:
        # The message says where, and never what stands there.
        with pytest.raises(
            InputError, match=r"^answer\.csv, line \d+, source_\w+: must not be blank"
        ):
            read_still_wanted(path)
