"""Builds the object graph. The only reader of the environment.

Must not: decide anything.
"""

import os
from pathlib import Path

import platformdirs

from overt.inference.catalogue import Catalogue, bundled_folder


def home() -> Path:
    """Return where a user's own data lies: ``OVERT_HOME``, or the system's folder for it."""
    named = os.environ.get("OVERT_HOME")
    return Path(named) if named else Path(platformdirs.user_data_dir("overt", appauthor=False))


def cache() -> Path:
    """Return where what can be rebuilt lies: ``OVERT_CACHE``, or the system's folder for it."""
    named = os.environ.get("OVERT_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("overt", appauthor=False))


def models_cache() -> Path:
    """Return the folder of prepared models."""
    return cache() / "models"


def user_models() -> Path:
    """Return the folder of models that the user added."""
    return home() / "models"


def catalogue() -> Catalogue:
    """Return the product's models and those that the user added."""
    return Catalogue([bundled_folder(), user_models()])
