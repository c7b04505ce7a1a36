import numpy as np
import pytest
from onnx import helper, numpy_helper

from overt.core.errors import InputError, IntegrityError, StorageError
from overt.inference.adding import add_model
from overt.inference.catalogue import Catalogue, bundled_folder
from overt.inference.golden import fault, load_golden
from overt.inference.manifest import load_manifest
from overt.inference.runtimes import open_engine


class Place:
    """The user's folder and cache, and the catalogue over them."""

    def __init__(self, root):
        self.folder, self.cache = root / "home" / "models", root / "cache"

    @property
    def known(self):
        return Catalogue([bundled_folder(), self.folder])

    def add(self, tiny):
        return add_model(
            tiny.model, tiny.manifest, folder=self.folder, cache=self.cache, known=self.known
        )

    def is_untouched(self):
        return not self.folder.exists() and not self.cache.exists()


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_an_added_model_is_known_prepared_and_verified(place, tiny, tiny_kit):
    added = place.add(tiny)
    known = place.known
    assert "tiny" in known.names()
    assert known.get("tiny") == added.manifest
    assert known.get("tiny").prepared_sha256 == added.sha256
    golden = load_golden(known.golden("tiny"), known.get("tiny"))
    pictures = np.random.default_rng(1).integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
    for runtime in ("openvino", "onnxruntime"):
        with open_engine(added, runtime=runtime) as engine:
            assert fault(golden, engine) is None
            got = engine.infer(pictures)["template"]
            np.testing.assert_allclose(got, tiny_kit.template(pictures), rtol=1e-3, atol=1e-3)


def test_adding_the_same_again_changes_nothing(place, tiny):
    first = place.add(tiny)
    before = {p: p.read_bytes() for p in place.folder.rglob("*") if p.is_file()}
    assert place.add(tiny) == first
    assert {p: p.read_bytes() for p in place.folder.rglob("*") if p.is_file()} == before


def test_the_manifest_is_kept_as_it_was_but_for_the_pin(place, tiny):
    added = place.add(tiny)
    first, rest = (place.folder / "tiny.toml").read_text().split("\n", 1)
    assert first == f'prepared_sha256 = "{added.sha256}"'
    assert rest == tiny.manifest.read_text()


def test_a_pin_of_the_user_must_be_right(place, tiny):
    text = tiny.manifest.read_text()
    tiny.manifest.write_text(f'prepared_sha256 = "{"0" * 64}"\n{text}')
    with pytest.raises(IntegrityError, match="did not give the bytes"):
        place.add(tiny)
    assert place.is_untouched()
    tiny.manifest.write_text(text)
    pin = place.add(tiny).sha256
    tiny.manifest.write_text(f'prepared_sha256 = "{pin}"\n{text}')
    assert place.add(tiny).sha256 == pin


def test_without_a_licence_it_is_refused(place, tiny):
    with pytest.raises(InputError, match="no complete licence"):
        place.add(tiny.write(licence=""))
    assert place.is_untouched()


@pytest.mark.parametrize("digests", [{"sha256": "0" * 64}, {"size": 1}])
def test_a_wrong_digest_or_size_is_refused(place, tiny, digests):
    with pytest.raises(IntegrityError, match="size or SHA-256 differ"):
        place.add(tiny.write(**digests))
    assert place.is_untouched()


def test_what_is_not_onnx_is_refused(place, tiny):
    with pytest.raises(InputError, match="not an ONNX model"):
        place.add(tiny.write(content=b"GIF89a"))
    assert place.is_untouched()


@pytest.mark.parametrize("dims", [32, 128])
def test_other_output_sizes_than_the_manifest_says_are_refused(place, tiny, dims):
    with pytest.raises(InputError, match=f"expected template 3 × {dims}, got template 3 × 16"):
        place.add(tiny.write(dims=dims))
    assert place.is_untouched()


def test_values_that_are_not_finite_are_refused(place, tiny, tiny_kit):
    zero = numpy_helper.from_array(np.zeros(1, np.float32), "zero")
    model = tiny_kit.build(
        extra_nodes=[helper.make_node("Div", ["y", "zero"], ["z"])], extra_initializers=[zero]
    )
    model.graph.output[0].name = "z"
    with pytest.raises(InputError, match="not finite"):
        place.add(tiny.write(model))
    assert place.is_untouched()


def test_pictures_that_change_each_other_are_refused(place, tiny, tiny_kit):
    axes = numpy_helper.from_array(np.array([0]), "axes")
    model = tiny_kit.build(
        extra_nodes=[
            helper.make_node("ReduceSum", ["y", "axes"], ["sum"], keepdims=1),
            helper.make_node("Add", ["y", "sum"], ["z"]),
        ],
        extra_initializers=[axes],
    )
    model.graph.output[0].name = "z"
    with pytest.raises(InputError, match="in a batch than alone"):
        place.add(tiny.write(model))
    assert place.is_untouched()


def test_a_batch_that_cannot_be_freed_is_refused(place, tiny, tiny_kit):
    shape = numpy_helper.from_array(np.array([192]), "one_row")
    model = tiny_kit.build(extra_initializers=[shape])
    model.graph.node[0].input[1] = "one_row"
    model.graph.node[1].op_type = "MatMul"
    weights = np.ascontiguousarray(tiny_kit.weights().T)
    model.graph.initializer[1].CopyFrom(numpy_helper.from_array(weights, "w"))
    del model.graph.node[1].attribute[:]
    with pytest.raises(InputError):
        place.add(tiny.write(model))
    assert place.is_untouched()


def test_the_name_of_another_model_is_refused(place, tiny, tiny_kit):
    with pytest.raises(InputError, match="already another model named sface-2021dec"):
        place.add(tiny.write(name="sface-2021dec"))
    place.add(tiny.write())
    other = tiny_kit.build(extra_nodes=[helper.make_node("Neg", ["y"], ["z"])])
    other.graph.output[0].name = "z"
    with pytest.raises(InputError, match="already another model named tiny"):
        place.add(tiny.write(other))
    with pytest.raises(InputError, match="already another model named tiny"):
        place.add(tiny.write(other, name="other-name-same-file"))


def test_a_source_in_a_package_is_refused(place, tiny):
    bundled = bundled_folder() / "sface-2021dec.toml"
    manifest = load_manifest(bundled)
    tiny.manifest.write_bytes(bundled.read_bytes())
    tiny.model.write_bytes(manifest.source.locate().read_bytes())
    with pytest.raises(InputError, match="source of kind file"):
        place.add(tiny)


def test_an_absent_file_is_refused(place, tiny):
    tiny.model.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        place.add(tiny)


def test_a_folder_that_cannot_be_written_leaves_the_catalogue_as_it_was(place, tiny, tmp_path):
    (tmp_path / "home").write_text("in the way")
    with pytest.raises(StorageError):
        place.add(tiny)
    assert "tiny" not in place.known.names()


def test_a_changed_file_is_found_when_the_cache_is_gone(place, tiny):
    added = place.add(tiny)
    added.path.unlink()
    (place.folder / "tiny.onnx").write_bytes(b"changed")
    with pytest.raises(IntegrityError):
        place.add(tiny.write(content=b"changed", sha256=added.manifest.source_sha256))
