"""What more than one folder of tests needs: the real models, opened once, and real portraits.

A *studio* makes short films of the two people of the portraits: their heads moved over a plain
background, cheap to make and found by the real models. The first is the one on the list, the other
is the stranger.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from overt.cli import wiring
from overt.cli.demo_force import DemoForce, Terms
from overt.cli.wiring import LoadedModels, open_models
from overt.core.arrays import BgrImage
from overt.core.clock import Clock, ManualClock
from overt.core.errors import OvertError
from overt.core.frame import ArrayPicture, Frame
from overt.core.ids import CameraId, ContractId, DeploymentId, PersonId, Sha256, WatchlistId
from overt.deployment.acts import DeploymentAct, GoLive
from overt.deployment.application import Evidence
from overt.deployment.capability import Calibration, Capability, verify
from overt.deployment.life import Life
from overt.policy.facts import Route
from overt.policy.locks import AlertRule
from overt.policy.roles import Person
from overt.simulation.people import packaged_people
from overt.store.store import Store
from overt.video.picture_sets import PersonPictures
from overt.video.writer import VideoWriter
from overt.watchlist.enrol import Enroller, freeze
from overt.watchlist.stored import StoredWatchlist

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
WIDTH_PX, HEIGHT_PX, FPS = 640, 360, 10
PLAIN_BGR = (120, 130, 125)
HEADS = {
    "listed": ("grace-hopper", (182, 120, 353, 333)),
    "stranger": ("eileen-collins", (181, 66, 267, 179)),
}
"""Whose portrait it is, and where the face is in it: left, top, right, bottom."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-docs",
        action="store_true",
        help="rewrite the generated parts of the documentation instead of comparing them",
    )


@pytest.fixture(scope="session")
def models() -> LoadedModels:
    with open_models(n_threads=2) as opened:
        yield opened


@pytest.fixture(scope="session")
def portraits() -> dict[str, BgrImage]:
    """The public-domain portraits by label; tests must not write to them."""
    pictures = {each.person: each.picture for each in packaged_people()}
    for picture in pictures.values():
        picture.flags.writeable = False
    return pictures


@dataclass(frozen=True)
class Walk:
    """One head on its way: from one place and size to another while it is in the picture."""

    who: str
    from_s: float = 0.0
    until_s: float = 1e9
    x_px: tuple[float, float] = (120.0, 180.0)
    y_px: float = 180.0
    face_px: tuple[float, float] = (70.0, 80.0)

    def at(self, at_s: float) -> tuple[float, float] | None:
        """Return place and face width, or None while it is away."""
        if not self.from_s <= at_s < self.until_s:
            return None
        share = min(1.0, (at_s - self.from_s) / min(self.until_s - self.from_s, 4.0))
        x, width = (low + share * (high - low) for low, high in (self.x_px, self.face_px))
        return x, width


class Studio:
    """Makes pictures, frames and clips of walks."""

    def __init__(self, folder: Path, heads: dict[str, BgrImage]) -> None:
        self.folder = folder
        self.heads = heads

    def picture(self, walks: Sequence[Walk], at_s: float) -> BgrImage:
        """Return the scene at a time, later walks in front."""
        scene = np.full((HEIGHT_PX, WIDTH_PX, 3), PLAIN_BGR, np.uint8)
        for walk in walks:
            if (place := walk.at(at_s)) is not None:
                _paste(scene, self.heads[walk.who], (place[0], walk.y_px), place[1])
        return scene

    def pictures(self, walks: Sequence[Walk], seconds: float) -> Iterator[tuple[float, BgrImage]]:
        """Yield time and scene, ten a second."""
        for index in range(round(seconds * FPS)):
            yield index / FPS, self.picture(walks, index / FPS)

    def frames(self, walks: Sequence[Walk], seconds: float, clock: ManualClock) -> Iterator[Frame]:
        """Yield frames as a reader would, moving the clock on to each."""
        for index, (at_s, scene) in enumerate(self.pictures(walks, seconds)):
            clock.advance(max(0.0, at_s - clock.elapsed_s))
            yield Frame(
                CameraId("gate"),
                index,
                NOON + timedelta(seconds=at_s),
                at_s,
                clock.monotonic_s(),
                ArrayPicture(scene),
            )

    def clip(self, name: str, walks: Sequence[Walk], seconds: float) -> Path:
        """Return an H.264 clip, written once."""
        path = self.folder / f"{name}.mp4"
        if not path.exists():
            with VideoWriter(path, WIDTH_PX, HEIGHT_PX, FPS, crf=18) as writer:
                for _, scene in self.pictures(walks, seconds):
                    writer.write(scene)
        return path


def _paste(scene: BgrImage, head: BgrImage, centre: tuple[float, float], face_px: float) -> None:
    scale = face_px * 2.2 / head.shape[1]
    small = cv2.resize(head, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    left, top = round(centre[0] - small.shape[1] / 2), round(centre[1] - small.shape[0] / 2)
    x, y = max(0, left), max(0, top)
    part = small[y - top : HEIGHT_PX - top, x - left : WIDTH_PX - left]
    scene[y : y + part.shape[0], x : x + part.shape[1]] = part


def _head(picture: BgrImage, face: tuple[int, int, int, int]) -> BgrImage:
    """Return the face with 0.6 of its size around it, which may reach past the picture."""
    left, top, right, bottom = face
    wide, high = round(0.6 * (right - left)), round(0.6 * (bottom - top))
    padded = cv2.copyMakeBorder(picture, high, high, wide, wide, cv2.BORDER_REPLICATE)
    return padded[top : bottom + 2 * high, left : right + 2 * wide].copy()


@pytest.fixture(scope="session")
def studio(tmp_path_factory, portraits) -> Studio:
    heads = {who: _head(portraits[person], face) for who, (person, face) in HEADS.items()}
    return Studio(tmp_path_factory.mktemp("studio"), heads)


@pytest.fixture(scope="session")
def walk() -> type[Walk]:
    return Walk


@pytest.fixture(scope="session")
def both() -> tuple[Walk, Walk]:
    """The listed person at the left, the stranger at the right."""
    return Walk("listed"), Walk("stranger", x_px=(520, 460))


@pytest.fixture(scope="session")
def clip_of_both(studio, both) -> Path:
    """Both pass, for three seconds."""
    return studio.clip("both", both, 3)


@pytest.fixture(scope="session")
def png() -> Callable[[BgrImage], bytes]:
    """Encode a picture as a PNG file's bytes."""
    return lambda picture: cv2.imencode(".png", picture)[1].tobytes()


@pytest.fixture(scope="session")
def enrol(models, portraits, png) -> Callable[..., StoredWatchlist]:
    """Return the frozen list of ``listed`` or ``stranger``, with these words as labels."""

    def do(*who: str, name: str = "the-list") -> StoredWatchlist:
        people = [PersonPictures(each, (png(portraits[HEADS[each][0]]),)) for each in who]
        verdicts = Enroller(models.still_detector, models.embedder).enrol(people)
        entries = [verdict.entry for verdict in verdicts]
        return freeze(WatchlistId(name), name, models.contract, entries)

    return do


@pytest.fixture(scope="session")
def watchlist(enrol) -> StoredWatchlist:
    """A list with the listed person alone."""
    return enrol("listed")


@pytest.fixture(scope="session")
def signing_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@pytest.fixture(scope="session")
def capability_of() -> Callable[..., Capability]:
    """Return a capability that allows an hour from noon, with changes."""

    def do(**changes) -> Capability:
        values = {
            "deployment": DeploymentId("d-1"),
            "cameras": (CameraId("gate"),),
            "not_before_utc": NOON,
            "not_after_utc": NOON + timedelta(hours=1),
            "watchlist_sha256": Sha256("a" * 64),
            "detector_sha256": Sha256("d" * 64),
            "contract": ContractId("contract"),
            "rule": AlertRule(0.45),
            "authoriser": "ao-east-1",
            "rank": "superintendent",
            "route": Route.ORDINARY,
            "cosigner": None,
            "application_sha256": Sha256("e" * 64),
            "policy_sha256": Sha256("f" * 64),
            "presence_within_s": 30.0,
            "issued_utc": NOON,
            "calibration": Calibration(1000, "an evaluation"),
        }
        return Capability(**(values | changes))

    return do


class Deployed:
    """A deployment that demonstration people brought to where it may go live, in a store.

    Attributes:
        force: the people, their keys and the policy pack.
        watchlist: as it was frozen.
        id: of the deployment.
    """

    def __init__(self, store: Store, force: DemoForce, watchlist: StoredWatchlist, id_: str):
        self.store, self.force, self.watchlist = store, force, watchlist
        self.id = DeploymentId(id_)

    @property
    def life(self) -> Life:
        return self.store.lives.get(self.id)

    @property
    def file(self) -> bytes:
        """The signed capability in force."""
        return self.store.lives.capability(self.id)

    @property
    def capability(self) -> Capability:
        key = self.force.key_of(PersonId(self.life.authority.authoriser))
        return verify(self.file, [key.public_key()])

    def act(self, act: DeploymentAct, by: Person | None) -> Life:
        return self.store.lives.act(self.id, act, None if by is None else by.id)

    def go_live(self) -> Life:
        """Make it live, as ``overt run`` does."""
        return self.act(GoLive(self.capability.cameras), self.force.operator)

    def beat(self) -> None:
        """Every officer says that they are there."""
        self.force.beat(self.id)

    @contextmanager
    def beating(self, every_s: float = 0.05) -> Iterator[None]:
        """Have every officer say so again and again, in a thread."""
        ended = threading.Event()

        def keep_on() -> None:
            while not ended.wait(every_s):
                with suppress(OvertError):  # after its end nobody is checked in any more
                    self.beat()

        thread = threading.Thread(target=keep_on, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def key_file(self, person: Person, folder: Path) -> Path:
        """Write somebody's signing key as ``--as`` takes it."""
        path = folder / f"{person.id}.key"
        if not path.exists():
            key = self.force.key_of(person.id)
            form = serialization.PrivateFormat.PKCS8
            bare = serialization.NoEncryption()
            path.touch(0o600)
            path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, bare))
        return path


@pytest.fixture(scope="session")
def pack_toml() -> bytes:
    """The policy pack that ships for the police of England and Wales."""
    return (wiring.policy_folder() / "uk-police.toml").read_bytes()


@pytest.fixture(scope="session")
def authorised(pack_toml) -> Callable[..., Deployed]:
    """Take a deployment of a list through its whole life up to ``authorised`` or ``ready``.

    Everything is done by the real store under the real pack, by demonstration people: they are
    registered, the pack is signed, the list gets grounds, is frozen and confirmed, the application
    is made, submitted and authorised; then the officers check in and confirm the signs.
    """

    def do(
        store: Store,
        clock: Clock,
        watchlist: StoredWatchlist,
        *,
        force: DemoForce | None = None,
        deployment: str = "d-1",
        cameras: Sequence[str] = ("gate",),
        detector_sha256: str = "d" * 64,
        threshold: float = 0.45,
        lasts: timedelta = timedelta(hours=1),
        starts: timedelta = timedelta(0),
        repeat_within_s: int = 60,
        ready: bool = True,
    ) -> Deployed:
        if force is None:
            force = DemoForce(store, clock, pack_toml)
            watchlist = force.list_people(watchlist)
        now_utc = clock.now_utc()
        evidence = Evidence(
            contract=watchlist.contract,
            measured=now_utc.date(),
            n_entries=1000,
            false_alert_one_in=1000,
            threshold=0.2,
            source="an evaluation",
        )
        terms = Terms(
            deployment=DeploymentId(deployment),
            cameras=tuple(CameraId(each) for each in cameras),
            starts_utc=now_utc + starts,
            ends_utc=now_utc + starts + lasts,
            contract=watchlist.contract,
            detector_sha256=Sha256(detector_sha256),
            threshold=threshold,
            evidence=evidence,
            repeat_within_s=repeat_within_s,
        )
        force.authorise(force.apply(terms, watchlist))
        if ready:
            force.make_ready(terms.deployment)
        return Deployed(store, force, watchlist, deployment)

    return do


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The measurement data, or skip."""
    named = os.environ.get("OVERT_DATA")
    if not named:
        pytest.skip("OVERT_DATA names no folder with measurement data")
    return Path(named)


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def json(self) -> dict:
        """Standard output, which must be one JSON object and nothing else."""
        value = json.loads(self.stdout)
        assert isinstance(value, dict)
        return value

    def failed_plainly(self, code: int, says: str) -> bool:
        """Whether it ended with this code, one plain sentence that says so, and nothing else."""
        *before, last = self.stderr.strip().splitlines()
        assert self.returncode == code, self.stderr
        assert last.startswith("overt: "), self.stderr
        assert says.lower() in last.lower(), last
        assert not [line for line in before if line.startswith("overt: ")]
        assert "Traceback" not in self.stderr
        assert self.stdout == ""
        return True


@pytest.fixture(scope="session")
def ran() -> type[Ran]:
    return Ran


@pytest.fixture
def home(tmp_path) -> Path:
    """An ``OVERT_HOME`` of the test's own."""
    return tmp_path / "home"


@pytest.fixture
def command(home, models, monkeypatch, capsys) -> Callable[..., Ran]:
    """Run a command in this process; the default pair on the CPU is the one already open."""
    from overt.cli import main, wiring

    really_open = wiring.open_models

    @contextmanager
    def open_or_take(*, runtime="openvino", device="cpu", n_threads=None):
        if (runtime, device) == ("openvino", "cpu") and "OVERT_CACHE" not in os.environ:
            yield models
            return
        with really_open(runtime=runtime, device=device, n_threads=n_threads) as opened:
            yield opened

    monkeypatch.setattr(wiring, "open_models", open_or_take)
    monkeypatch.setenv("OVERT_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments) -> Ran:
        monkeypatch.setattr(sys, "argv", ["overt", *map(str, arguments)])
        capsys.readouterr()
        try:
            main.main()
        except SystemExit as end:
            return Ran(end.code or 0, *capsys.readouterr())
        return Ran(0, *capsys.readouterr())

    return run


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Callable[[str], Path]]:
    """Mount a disk of the given size in memory, where this user may."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(size: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        if subprocess.run(command, check=False, capture_output=True).returncode != 0:
            pytest.skip("this user may not mount a file system")
        return folder

    yield mount
    while os.path.ismount(folder):
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def pictures_of(tmp_path, portraits, png) -> Callable[..., Path]:
    """Return a folder with the portraits of ``listed`` or ``stranger``, named so."""

    def do(*who: str) -> Path:
        folder = tmp_path / "pictures"
        folder.mkdir(exist_ok=True)
        for each in who:
            (folder / f"{each}.png").write_bytes(png(portraits[HEADS[each][0]]))
        return folder

    return do
