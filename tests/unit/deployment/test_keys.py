"""Key files of those who authorise."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from overt.core.errors import InputError, IntegrityError, StorageError
from overt.deployment.keys import create_key, load_private_key, load_public_key, load_trusted

PEM = serialization.Encoding.PEM


@pytest.fixture
def path(tmp_path):
    return tmp_path / "office.key"


def raw(key):
    return key.public_bytes_raw()


def test_a_key_is_read_back_and_only_its_owner_can(path):
    key = create_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert raw(load_private_key(path).public_key()) == raw(key.public_key())
    assert raw(load_public_key(path.with_name("office.key.pub"))) == raw(key.public_key())


@pytest.mark.parametrize("half", ["office.key", "office.key.pub"])
def test_neither_half_of_a_key_is_ever_replaced(path, half):
    there = path.with_name(half)
    there.write_text("somebody's key")
    with pytest.raises(InputError, match="not replaced"):
        create_key(path)
    assert there.read_text() == "somebody's key"
    assert [each.name for each in path.parent.iterdir()] == [half]


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="could not be written"):
        create_key(tmp_path / "file" / "office.key")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o644])
def test_a_signing_key_that_others_can_reach_is_refused(path, mode):
    create_key(path)
    path.chmod(mode)
    with pytest.raises(IntegrityError, match="chmod 600"):
        load_private_key(path)


def write(path, data):
    path.touch(0o600)
    path.write_bytes(data)


def test_other_private_keys_are_refused(path):
    for key in (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())):
        pem = key.private_bytes(
            PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write(path, pem)
        with pytest.raises(InputError, match="not an Ed25519 key"):
            load_private_key(path)


def test_an_encrypted_key_is_refused(path):
    lock = serialization.BestAvailableEncryption(b"secret")
    pem = Ed25519PrivateKey.generate().private_bytes(PEM, serialization.PrivateFormat.PKCS8, lock)
    write(path, pem)
    with pytest.raises(InputError, match="unencrypted"):
        load_private_key(path)


@pytest.mark.parametrize("data", [b"", b"no key", b"\x8e", b"-----BEGIN PRIVATE KEY-----"])
def test_what_is_no_key_is_refused(path, data):
    write(path, data)
    with pytest.raises(InputError, match="not an unencrypted private key"):
        load_private_key(path)
    with pytest.raises(InputError, match="not a public key"):
        load_public_key(path)


def test_a_public_key_of_another_kind_is_refused(path):
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    write(path, key.public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(InputError, match="not an Ed25519 key"):
        load_public_key(path)


@pytest.mark.parametrize("load", [load_private_key, load_public_key])
def test_a_key_that_is_not_there_is_refused(tmp_path, load):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            load(path)


def test_nobody_is_trusted_until_somebody_is(tmp_path):
    assert load_trusted(tmp_path / "none") == []
    key = create_key(tmp_path / "a.key")
    (tmp_path / "notes.txt").write_text("not a key")
    (trusted,) = load_trusted(tmp_path)
    assert raw(trusted) == raw(key.public_key())


def test_a_damaged_trusted_key_is_not_passed_over(tmp_path):
    create_key(tmp_path / "a.key")
    (tmp_path / "b.pub").write_text("damaged")
    with pytest.raises(InputError, match="not a public key"):
        load_trusted(tmp_path)
