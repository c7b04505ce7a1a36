import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from overt.core.errors import IntegrityError, StorageError
from overt.store.keys import DataKey, Sealed, create_key_file, place_of, read_key_file

PLACE = place_of("table", "row", "field")


@pytest.fixture
def key():
    return DataKey.generate()


def test_what_is_sealed_opens_in_its_place_only(key):
    sealed = key.seal(b"plaintext", PLACE)
    assert key.open(sealed, PLACE) == b"plaintext"
    with pytest.raises(IntegrityError):
        key.open(sealed, place_of("table", "other row", "field"))
    with pytest.raises(IntegrityError):
        DataKey.generate().open(sealed, PLACE)


def test_the_same_plaintext_never_looks_the_same(key):
    assert key.seal(b"plaintext", PLACE) != key.seal(b"plaintext", PLACE)


@pytest.mark.parametrize("position", range(9 + 16))
def test_every_flipped_byte_of_a_ciphertext_is_found(key, position):
    sealed = key.seal(b"plaintext", PLACE)
    altered = bytearray(sealed.ciphertext)
    altered[position] ^= 1
    with pytest.raises(IntegrityError):
        key.open(Sealed(sealed.nonce, bytes(altered)), PLACE)


@pytest.mark.parametrize("wrapped", [b"", b"short", bytes(60), bytes(1000)])
def test_a_malformed_wrapped_key_is_refused(key, wrapped):
    with pytest.raises(IntegrityError):
        key.unwrap(wrapped, PLACE)


def test_a_key_is_wrapped_for_its_owner(key):
    inner = DataKey.generate()
    wrapped = key.wrap(inner, PLACE)
    assert inner.secret not in wrapped
    assert key.unwrap(wrapped, PLACE) == inner
    with pytest.raises(IntegrityError):
        key.unwrap(wrapped, place_of("table", "other", "field"))


def test_a_key_does_not_show_itself(key):
    assert key.secret.hex() not in repr(key)
    assert repr(key.secret) not in repr(key)


def test_a_key_file_is_made_once_and_is_its_owners_alone(tmp_path):
    path = tmp_path / "keys" / "machine.key"
    assert read_key_file(path) is None
    key = create_key_file(path)
    assert read_key_file(path) == key == create_key_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_everyone_who_makes_the_key_file_at_once_gets_the_same_key(tmp_path):
    path = tmp_path / "machine.key"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: create_key_file(path), range(16)))
    assert keys == {path.read_bytes()}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_key_file_that_others_reach_is_refused(tmp_path, mode):
    path = tmp_path / "machine.key"
    create_key_file(path)
    path.chmod(mode)
    with pytest.raises(IntegrityError, match="0600"):
        read_key_file(path)


@pytest.mark.parametrize("data", [b"", bytes(31), bytes(33)])
def test_a_key_file_of_another_length_is_refused(tmp_path, data):
    path = tmp_path / "machine.key"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(IntegrityError, match="32 bytes"):
        read_key_file(path)


def test_a_key_file_is_not_followed_elsewhere(tmp_path):
    create_key_file(tmp_path / "elsewhere.key")
    (tmp_path / "machine.key").symlink_to(tmp_path / "elsewhere.key")
    with pytest.raises(StorageError):
        read_key_file(tmp_path / "machine.key")


def test_a_folder_is_no_key_file(tmp_path):
    with pytest.raises(StorageError):
        read_key_file(tmp_path)
