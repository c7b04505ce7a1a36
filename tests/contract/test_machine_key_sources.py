"""What every source of the machine key keeps to: a file, the environment, the system's keyring.

The keyring is tried with a backend of the tests' own, through the real package, where that is
installed.
"""

import base64
import os
import sys
from datetime import UTC, datetime

import numpy as np
import pytest

from overt.core.clock import ManualClock
from overt.core.errors import IntegrityError, UnavailableError
from overt.core.ids import WatchlistId
from overt.store.machine_key import EnvironmentSource, KeyFileSource, KeyringSource
from overt.store.store import Store
from overt.watchlist.stored import StoredEntry, StoredReference, StoredWatchlist

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SOURCES = ["file", "environment", "keyring"]


def in_base64(key):
    return base64.b64encode(key).decode()


class FileKeeper:
    """Keeps keys in a folder."""

    def __init__(self, home):
        self.path = home / "keys" / "machine.key"

    def source(self):
        return KeyFileSource(self.path)

    def provide(self):
        """Do what a person has to do before there is a first key."""

    def provide_next(self):
        """Do what a person has to do before a rotation."""

    def tidy_up(self):
        """Do what a person has to do after it."""

    def spoil(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(b"short")
        self.path.chmod(0o600)


class EnvironmentKeeper:
    """Keeps keys as whoever starts the process does."""

    def __init__(self, home):
        self.value = self.next_value = None

    def source(self):
        return EnvironmentSource(self.value, self.next_value)

    def provide(self):
        self.value = in_base64(os.urandom(32))

    def provide_next(self):
        self.next_value = in_base64(os.urandom(32))

    def tidy_up(self):
        self.value, self.next_value = self.next_value, None

    def spoil(self):
        self.value = "short"


class KeyringKeeper(FileKeeper):
    """Keeps keys in the keyring that is set."""

    def __init__(self, home):
        self.home = home

    def source(self):
        return KeyringSource("overt", self.home)

    def spoil(self):
        import keyring

        keyring.set_password("overt", f"machine-key {self.home}", "short")


@pytest.fixture
def in_memory():
    """Set a keyring that lives as long as the test."""
    keyring = pytest.importorskip("keyring", reason="the extra `keyring` is not installed")
    from keyring.backend import KeyringBackend

    class InMemory(KeyringBackend):
        priority = 5

        def __init__(self):
            super().__init__()
            self.kept = {}

        def get_password(self, service, username):
            return self.kept.get((service, username))

        def set_password(self, service, username, password):
            self.kept[service, username] = password

        def delete_password(self, service, username):
            del self.kept[service, username]

    before = keyring.core._keyring_backend
    backend = InMemory()
    keyring.set_keyring(backend)
    yield backend
    keyring.core._keyring_backend = before


@pytest.fixture(params=SOURCES)
def keeper_of(request):
    if request.param == "keyring":
        request.getfixturevalue("in_memory")
    kinds = {"file": FileKeeper, "environment": EnvironmentKeeper, "keyring": KeyringKeeper}
    return kinds[request.param]


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def keeper(keeper_of, home):
    return keeper_of(home)


@pytest.fixture
def key(keeper):
    """The first key, in its place."""
    keeper.provide()
    return keeper.source().create()


def test_where_there_is_no_key_there_is_none(keeper):
    source = keeper.source()
    assert source.read() is None
    assert source.read_next() is None
    assert not source.is_unsettled()


def test_the_first_key_stays(keeper, key):
    assert len(key) == 32
    assert keeper.source().read() == keeper.source().create() == key
    assert not keeper.source().is_unsettled()


def test_the_next_key_lies_beside_the_one_in_use(keeper, key):
    keeper.provide_next()
    fresh = keeper.source().create_next()
    assert len(fresh) == 32
    assert fresh != key
    assert keeper.source().read() == key
    assert keeper.source().read_next() == fresh
    assert keeper.source().is_unsettled()


def test_the_next_key_takes_the_place_of_the_former(keeper, key):
    keeper.provide_next()
    fresh = keeper.source().create_next()
    keeper.source().adopt_next()
    keeper.source().discard_others()
    keeper.tidy_up()
    assert keeper.source().read() == fresh
    assert keeper.source().read_next() is None
    assert not keeper.source().is_unsettled()


def test_what_has_no_use_is_discarded_and_the_key_in_use_is_not(keeper, key):
    keeper.provide_next()
    keeper.source().create_next()
    keeper.source().discard_others()
    assert keeper.source().read() == key
    keeper.source().discard_others()
    assert keeper.source().read() == key


def test_a_malformed_key_is_refused(keeper):
    keeper.spoil()
    with pytest.raises(IntegrityError) as raised:
        keeper.source().read()
    assert "short" not in str(raised.value)


def test_a_source_shows_no_key(keeper, key):
    keeper.provide_next()
    fresh = keeper.source().create_next()
    source = keeper.source()
    shown = f"{source!r} {source.name} {source.after_rotation}"
    for secret in (key, fresh):
        assert in_base64(secret) not in shown
        assert secret.hex() not in shown
    assert source.name.startswith("the ")


def a_list():
    template = np.zeros(4, np.float32)
    entries = (StoredEntry("e-1", "a label", (StoredReference(template, b"picture"),)),)
    return StoredWatchlist("list", "the list", "contract", "a" * 64, entries)


def test_a_store_is_opened_rotated_and_opened_again(keeper, home):
    keeper.provide()
    with Store.open(home, ManualClock(NOON), keeper.source()) as store:
        store.watchlists.save(a_list())
        before = store.keys.show()
    former = keeper.source()
    keeper.provide_next()
    with Store.open(home, ManualClock(NOON), keeper.source()) as store:
        fresh = store.keys.rotate_machine_key()
    for _ in range(2):
        with Store.open(home, ManualClock(NOON), keeper.source()) as store:
            assert store.watchlists.load(WatchlistId("list")).entries[0].label == "a label"
            assert store.keys.show().key_id == fresh != before.key_id
            assert store.keys.show().source == former.name
        keeper.tidy_up() if former.after_rotation else None
        former = keeper.source()


def test_another_stores_key_is_told_at_once(keeper_of, tmp_path):
    mine, other = keeper_of(tmp_path / "mine"), keeper_of(tmp_path / "other")
    for keeper in (mine, other):
        keeper.provide()
        keeper.source().create()
    Store.open(tmp_path / "mine", ManualClock(NOON), mine.source()).close()
    with pytest.raises(IntegrityError, match="under another machine key than the "):
        Store.open(tmp_path / "mine", ManualClock(NOON), other.source())
    Store.open(tmp_path / "mine", ManualClock(NOON), mine.source()).close()


def test_a_store_without_its_key_gets_no_new_one(keeper_of, tmp_path):
    mine, empty = keeper_of(tmp_path / "mine"), keeper_of(tmp_path / "empty")
    mine.provide()
    Store.open(tmp_path / "mine", ManualClock(NOON), mine.source()).close()
    with pytest.raises(IntegrityError, match="of this store is missing"):
        Store.open(tmp_path / "mine", ManualClock(NOON), empty.source())
    assert empty.source().read() is None


# Only the environment


def test_the_environments_key_is_never_made(home):
    with pytest.raises(IntegrityError, match="set OVERT_MACHINE_KEY to the base64 of 32"):
        Store.open(home, ManualClock(NOON), EnvironmentSource(None))
    assert not (home / "overt.sqlite3").exists()
    with pytest.raises(IntegrityError, match="set OVERT_MACHINE_KEY_NEXT"):
        EnvironmentSource(in_base64(bytes(32))).create_next()


# Only the keyring


def test_without_the_package_the_keyring_is_not_there(home, monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(UnavailableError, match=r"pip install 'overt\[keyring\]'"):
        Store.open(home, ManualClock(NOON), KeyringSource("overt", home))
    assert not home.exists()


def test_a_keyring_that_keeps_nothing_or_a_plain_file_is_refused(home, in_memory):
    import keyring
    from keyring.backends import fail, null

    in_memory_class = type(in_memory)
    plain = type("Plain", (in_memory_class,), {"priority": 0.5})
    for backend in (null.Keyring(), fail.Keyring(), plain()):
        keyring.set_keyring(backend)
        with pytest.raises(UnavailableError, match="no system keyring here"):
            Store.open(home, ManualClock(NOON), KeyringSource("overt", home))
    assert not home.exists()


def test_of_a_chain_of_keyrings_only_one_that_is_recommended_is_asked(home, in_memory):
    import keyring
    from keyring.backends.chainer import ChainerBackend

    plain = type("Plain", (type(in_memory),), {"priority": 0.5})()
    chain = type("Chain", (ChainerBackend,), {"backends": [plain, in_memory]})
    keyring.set_keyring(chain())
    KeyringSource("overt", home).create()
    assert len(in_memory.kept) == 1
    assert not plain.kept


def test_whatever_a_keyring_raises_is_one_sentence(home, in_memory):
    def locked(*_):
        raise OSError("the bus is gone")

    in_memory.get_password = locked
    with pytest.raises(UnavailableError, match="is it unlocked"):
        KeyringSource("overt", home).read()


def test_a_keyring_that_forgets_is_noticed(home, in_memory):
    in_memory.set_password = lambda *_: None
    with pytest.raises(UnavailableError, match="did not keep"):
        KeyringSource("overt", home).create()
