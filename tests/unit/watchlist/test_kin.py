"""Who is kin to whom."""

from hypothesis import given
from hypothesis import strategies as st

from overt.core.ids import EntryId, Sha256
from overt.watchlist.kin import kin_groups
from overt.watchlist.stored import Enrolment, EntryCard, ReferenceDigests


def card(number, picture=None, row_kin=""):
    digest = Sha256(f"{number if picture is None else 100 + picture:064x}")
    references = (ReferenceDigests(digest, digest),)
    enrolment = Enrolment(Sha256("a" * 64), row_kin=row_kin)
    return EntryCard(EntryId(f"e-{number}"), "name", references, enrolment=enrolment)


def test_strangers_have_no_group():
    assert kin_groups([card(1), card(2)]) == {}


def test_the_source_the_picture_and_a_person_each_make_kin():
    cards = [card(1, row_kin="smith"), card(2, row_kin="smith"), card(3, 7), card(4, 7), card(5)]
    groups = kin_groups(cards, [(EntryId("e-4"), EntryId("e-5"))])
    assert groups["e-1"] == groups["e-2"] != groups["e-3"]
    assert groups["e-3"] == groups["e-4"] == groups["e-5"]


def test_a_familys_name_is_not_in_the_groups_name():
    groups = kin_groups([card(1, row_kin="smith"), card(2, row_kin="smith")])
    assert groups["e-1"].startswith("k-")
    assert "smith" not in groups["e-1"]


def test_the_same_picture_can_be_left_out_of_account():
    assert kin_groups([card(1, 7), card(2, 7)], with_twins=False) == {}


def test_somebody_who_is_not_on_the_list_counts_for_nothing():
    assert kin_groups([card(1), card(2)], [(EntryId("e-1"), EntryId("e-9"))]) == {}


@given(
    pairs=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=12),
    order=st.permutations(range(8)),
)
def test_kin_of_kin_are_kin_whatever_the_order(pairs, order):
    named = [(EntryId(f"e-{a}"), EntryId(f"e-{b}")) for a, b in pairs]
    groups = kin_groups([card(n) for n in range(8)], named)
    assert kin_groups([card(n) for n in order], named[::-1]) == groups
    for a, b in named:
        assert groups.get(a) == groups.get(b)
    sizes = {group: sum(each == group for each in groups.values()) for group in groups.values()}
    assert all(size >= 2 for size in sizes.values())
