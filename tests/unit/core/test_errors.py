import inspect
import re

from overt.core import errors
from overt.core.errors import EXIT_INTERRUPTED, EXIT_OK, OvertError

KINDS = [
    each
    for _, each in inspect.getmembers(errors, inspect.isclass)
    if issubclass(each, OvertError) and each.__module__ == errors.__name__
]


def test_each_kind_has_an_exit_code_of_its_own():
    codes = [kind.exit_code for kind in KINDS]
    assert len(set(codes)) == len(codes)
    assert not {EXIT_OK, EXIT_INTERRUPTED} & set(codes)


def test_the_drawn_tree_is_the_real_one():
    drawn = dict(re.findall(r"(\w+Error)\s+(\d+)\s{2,}", errors.__doc__))
    assert drawn == {kind.__name__: str(kind.exit_code) for kind in KINDS}


def test_no_kind_is_one_that_others_catch_by_accident():
    foreign = (ValueError, TypeError, LookupError, OSError, RuntimeError, ArithmeticError)
    assert not any(issubclass(kind, foreign) for kind in KINDS)
