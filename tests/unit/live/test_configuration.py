"""A run's digest of its settings: the same for the same, another for any other."""

from dataclasses import fields, replace

import pytest

from overt.cli.wiring import recogniser
from overt.live.configuration import configuration_sha256


@pytest.fixture
def parts(models, watchlist):
    return recogniser(models, watchlist)


def test_the_same_settings_have_the_same_digest(parts, models, watchlist):
    digest = configuration_sha256(parts, "openvino on CPU")
    assert digest == configuration_sha256(recogniser(models, watchlist), "openvino on CPU")
    assert len(digest) == 64


def test_another_device_has_another_digest(parts):
    assert configuration_sha256(parts, "one") != configuration_sha256(parts, "other")


@pytest.mark.parametrize("which", ["gate", "shots", "tracking"])
def test_every_setting_is_in_the_digest(parts, which):
    settings = getattr(parts, which)
    seen = {configuration_sha256(parts, "cpu")}
    for field in fields(settings):
        value = getattr(settings, field.name)
        if isinstance(value, tuple):
            other = value[::-1]
        else:
            other = value - 1 if isinstance(value, int) else value * 0.999
        changed = replace(parts, **{which: replace(settings, **{field.name: other})})
        seen.add(configuration_sha256(changed, "cpu"))
    assert len(seen) == 1 + len(fields(settings))
