"""Whatever bytes are sent as a ZIP, the outcome is people or an InputError without a name in it."""

import io
import tempfile
import zipfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from overt.core.errors import InputError
from overt.video.picture_files import PICTURE_SUFFIXES
from overt.video.picture_sets import count_people, natural_key, read_people

SECRET = "Zxqvortle"
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


def _seed(method):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        archive.writestr(f"{SECRET}/1.png", b"one" * 30)
        archive.writestr(f"{SECRET}/2.jpg", bytes(range(200)))
        archive.writestr("b.webp", b"-")
    return data.getvalue()


SEEDS = [_seed(method) for method in METHODS]
damage = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=10)


def outcome(data):
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "people.zip")
        path.write_bytes(data)
        try:
            count_people(path)
            return list(read_people(path))
        except InputError as error:
            said = str(error)
    assert SECRET not in said
    return None


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SEEDS), damage, st.floats(0.3, 1))
def test_damaged_archives(seed, damage, kept):
    data = bytearray(seed)
    for where, value in damage:
        data[int(where * (len(data) - 1))] = value
    outcome(bytes(data[: int(len(data) * kept)]) if kept < 0.5 else bytes(data))


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(SEEDS),
    st.lists(
        st.tuples(
            st.integers(0, 60), st.sampled_from([b"\xff" * 2, b"\x7f\xff", b"\0\0", b"\x80"])
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from([b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"]),
)
def test_damaged_headers(seed, damage, where):
    data = bytearray(seed)
    start = data.index(where)
    for offset, value in damage:
        at = min(start + offset, len(data) - len(value))
        data[at : at + len(value)] = value
    outcome(bytes(data))


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_behind_the_mark_of_a_zip(data):
    outcome(b"PK\x05\x06" + data)


names = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20
)
sets = st.dictionaries(
    st.tuples(st.lists(names, max_size=2), names, st.sampled_from(sorted(PICTURE_SUFFIXES))).map(
        lambda parts: "/".join([*parts[0], parts[1] + parts[2]])
    ),
    st.binary(max_size=8),
    min_size=1,
    max_size=8,
)


@settings(deadline=None)
@given(sets)
def test_every_picture_belongs_to_one_person_or_the_set_is_refused(files):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    people = outcome(data.getvalue())
    if people is not None:
        assert len({each.label for each in people}) == len(people)
        assert all(each.pictures and each.label for each in people)
        read = [picture for each in people for picture in each.pictures]
        assert len(read) <= len(files)


@given(st.lists(st.text(max_size=12), max_size=8), st.randoms())
def test_the_order_does_not_depend_on_the_order_of_reading(names, chance):
    shuffled = chance.sample(names, len(names))
    assert sorted(names, key=natural_key) == sorted(shuffled, key=natural_key)


@given(st.permutations([f"a{i}" for i in ("1", "2", "01", "10", "", "x", "\uff11", "²")]))
def test_any_mixture_of_letters_and_digits_has_an_order(names):
    found = sorted(names, key=natural_key)
    assert found[:5] == ["a", "a01", "a1", "a2", "a10"]
