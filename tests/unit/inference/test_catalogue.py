import shutil

import pytest

from overt.core.errors import InputError
from overt.inference.catalogue import Catalogue, bundled_folder, ensure_pair


def test_the_bundled_folder_holds_the_default_pair():
    catalogue = Catalogue([bundled_folder()])
    assert catalogue.names() == ("sface-2021dec", "yunet-2023mar")
    for name in catalogue.names():
        assert catalogue.get(name).name == name
        assert catalogue.golden(name).is_file()


def test_a_folder_that_does_not_exist_holds_nothing(tmp_path):
    assert Catalogue([tmp_path / "absent"]).names() == ()


def test_an_unknown_name_is_refused_and_the_known_ones_are_named():
    with pytest.raises(InputError, match="known are: sface-2021dec, yunet-2023mar"):
        Catalogue([bundled_folder()]).get("other")


def test_two_manifests_of_one_name_are_refused(tmp_path):
    shutil.copy(bundled_folder() / "yunet-2023mar.toml", tmp_path)
    with pytest.raises(InputError, match="Two manifests are named yunet-2023mar"):
        Catalogue([bundled_folder(), tmp_path])


def test_a_file_that_is_no_manifest_is_an_error_and_not_skipped(tmp_path):
    (tmp_path / "x.toml").write_text("a = 1")
    with pytest.raises(InputError, match=r"x\.toml"):
        Catalogue([tmp_path])


def test_a_pair_of_mixed_up_roles_is_refused(models_cache, pair):
    with pytest.raises(InputError, match="Expected a detector and an embedder"):
        ensure_pair(
            Catalogue([bundled_folder()]),
            models_cache,
            detector="sface-2021dec",
            embedder="yunet-2023mar",
        )
