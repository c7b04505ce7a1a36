import codecs
import os

import pytest

from overt.core.errors import InputError
from overt.watchlist import row_text
from overt.watchlist.row_text import Lines, check_manifest_text

SECRET = "Zxqvortle"


@pytest.fixture
def saved(tmp_path):
    def save(data):
        path = tmp_path / "list.csv"
        path.write_bytes(data)
        return path

    return save


def content(path):
    with check_manifest_text(path).open(newline="") as file:
        return file.read()


def refusal(path):
    with pytest.raises(InputError) as caught:
        check_manifest_text(path)
    assert SECRET not in str(caught.value)
    assert str(caught.value).startswith(path.name)
    return str(caught.value)


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ],
)
def test_encodings(saved, mark, encoding):
    assert content(saved(mark + "né,王\r\n😀".encode(encoding))) == "né,王\r\n😀"


def test_an_empty_file_is_an_empty_text(saved):
    assert content(saved(b"")) == ""


def test_latin_1_is_refused_with_its_line(saved):
    data = f"a\n{SECRET}\nRen\u00e9,x\nb".encode("latin-1")
    assert "line 3: this is not UTF-8" in refusal(saved(data))


def test_the_line_is_right_far_into_the_file(saved, monkeypatch):
    monkeypatch.setattr(row_text, "_CHUNK_BYTES", 7)
    data = "é\n".encode() * 1000 + b"\xff"
    assert "line 1001" in refusal(saved(data))


def test_a_cut_character_at_the_end(saved):
    assert "line 2: this is not UTF-8" in refusal(saved("a\né".encode()[:-1]))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_half_a_pair_in_utf_16(saved, encoding):
    mark = "\ufeff".encode(encoding)
    data = mark + "a\n".encode(encoding) + "\ud800x".encode(encoding, "surrogatepass")
    assert "line 2: this is not UTF-16" in refusal(saved(data))
    assert "UTF-16" in refusal(saved(mark + "a".encode(encoding)[:1]))


@pytest.mark.parametrize(
    "data",
    [
        "name,images\nx,y".encode("utf-16-le"),
        "name,images\nx,y".encode("utf-32"),
        b"PK\x03\x04\0\0\0\0",
        b"name\0,images",
    ],
)
def test_what_is_not_text(saved, data):
    assert "this is not text" in refusal(saved(data))


def test_a_file_over_the_limit(saved, monkeypatch):
    monkeypatch.setattr(row_text, "MAX_FILE_BYTES", 10)
    content(saved(bytes(b"x" * 10)))
    assert "larger" in refusal(saved(b"x" * 11))


def test_what_is_no_file(tmp_path):
    assert "could not be read" in refusal(tmp_path / "absent.csv")
    (tmp_path / "folder.csv").mkdir()
    assert "not a file" in refusal(tmp_path / "folder.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    assert "not a file" in refusal(tmp_path / "pipe.csv")


def test_a_file_that_changes_into_no_text(saved):
    path = saved(b"abc")
    text = check_manifest_text(path)
    saved(b"\xff")
    with pytest.raises(InputError, match="changed"), text.open(newline="") as file:
        file.read()


def test_a_file_that_vanishes(saved):
    path = saved(b"abc")
    text = check_manifest_text(path)
    path.unlink()
    with pytest.raises(InputError, match="could not be read"), text.open(newline=""):
        pass


def test_a_record_without_end_is_refused_before_it_is_in_memory(saved, monkeypatch):
    monkeypatch.setattr(row_text, "MAX_RECORD_CHARS", 10)
    text = check_manifest_text(saved(b"12345\n12345\n123456789\n12345678901"))
    with text.open(newline="") as file:
        lines = Lines(text, file)
        for _ in range(2):
            next(lines)
            lines.next_record()
        assert next(lines) == "123456789\n"
        assert lines.n_lines == 3
        with pytest.raises(InputError, match="line 4"):
            next(lines)
