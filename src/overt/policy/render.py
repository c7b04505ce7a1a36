"""The pack as the force's policy document, in Markdown.

Everything that a rule sets is in the document, made from the rule itself, so that the paper and the
code cannot disagree.

Invariants: the same pack always gives the same bytes; every parameter, source and note appears.
Must not: say anything of a rule that the rule does not say itself.
"""

from collections.abc import Iterator
from typing import Final

from overt.policy.pack import PolicyPack
from overt.policy.pack_base import Rule, Source, Table

AREAS: Final = {
    "Authority": (
        "ranks",
        "authorising-rank",
        "separation",
        "urgent-authority",
        "co-signature",
        "policy-signer",
        "duration",
    ),
    "Purpose and place": (
        "use-cases",
        "location",
        "statements",
        "documents",
        "protest",
        "evaluation",
    ),
    "The public": ("notice", "signage", "signs-confirmed"),
    "The watchlist": (
        "list-categories",
        "list-size",
        "list-age",
        "list-freshness",
        "list-reuse",
        "entry-expiry",
        "named-authority",
        "children",
        "duplicates",
        "image-sources",
        "image-held-lawfully",
        "image-age",
    ),
    "Live": ("officers", "presence", "forgetting", "review", "notes", "engagement", "closing"),
    "Data": ("retention", "publication"),
}
"""Which rule stands in which chapter; every rule in one."""

_STANDINGS: Final = {
    "read": "read in its own text",
    "secondary": "known from others who report it",
    "recalled": "to be checked before anybody relies on it as law",
    "chosen": "no source says; set by the authors of the pack",
}


def render(pack: PolicyPack) -> str:
    """Return the whole document."""
    rules = {rule.id: rule for rule in pack.rules.every()}
    lines = [*_head(pack), *_contents(rules)]
    for chapter, (title, ids) in enumerate(AREAS.items(), start=1):
        lines += [f"## {chapter}. {title}", ""]
        for number, rule_id in enumerate(ids, start=1):
            lines += _section(pack, rules[rule_id], f"{chapter}.{number}")
    lines += _sources(pack)
    return "\n".join(lines).rstrip() + "\n"


def _head(pack: PolicyPack) -> Iterator[str]:
    yield f"# {pack.title}"
    yield ""
    yield pack.summary
    yield ""
    yield from _table(
        Table(
            ("This document", ""),
            (
                ("Policy pack", f"`{pack.id}`, version {pack.version} (`{pack.format}`)"),
                ("Holds for", pack.jurisdiction),
                ("Meant to hold from", pack.effective.isoformat()),
                ("To be looked at again by", pack.review_by.isoformat()),
                ("SHA-256", f"`{pack.sha256}`"),
            ),
        )
    )
    yield (
        "It is made from the rules that the software obeys. It is in force where somebody whom it "
        "allows has signed it, and the record of that place says who and when."
    )
    yield ""


def _contents(rules: dict[str, Rule]) -> Iterator[str]:
    yield "## Contents"
    yield ""
    for chapter, (title, ids) in enumerate(AREAS.items(), start=1):
        titles = ", ".join(rules[rule_id].title for rule_id in ids)
        yield f"{chapter}. **{title}**: {titles}"
    yield f"{len(AREAS) + 1}. **Sources**"
    yield ""


def _section(pack: PolicyPack, rule: Rule, number: str) -> Iterator[str]:
    yield f"### {number} {rule.title}"
    yield ""
    yield rule.statement()
    yield ""
    table = rule.table()
    if table is not None:
        yield from _table(table)
    if rule.id == "use-cases":
        yield from _table(_who_may_be_looked_for(pack))
    if rule.note is not None:
        yield f"*{rule.note}*"
        yield ""
    cited = "; ".join(source.cited for source in pack.sources_of(rule))
    yield f"Rule `{rule.id}`. Source: {cited}."
    yield ""


def _who_may_be_looked_for(pack: PolicyPack) -> Table:
    """Return use cases across, categories down."""
    cases = pack.rules.use_cases.cases
    rows = tuple(
        (
            f"`{category.id}`",
            *("yes" if category.id in case.categories else "no" for case in cases),
        )
        for category in pack.rules.list_categories.categories
    )
    return Table(("May be looked for", *(f"`{case.id}`" for case in cases)), rows)


def _sources(pack: PolicyPack) -> Iterator[str]:
    yield f"## {len(AREAS) + 1}. Sources"
    yield ""
    yield "What stands behind a rule is not worth the same everywhere:"
    yield ""
    for standing, meaning in _STANDINGS.items():
        yield f"- *{standing}*: {meaning}"
    yield ""
    rows = tuple(
        (f"`{each.id}`", each.citation, each.standing, each.note or "") for each in pack.sources
    )
    yield from _table(Table(("Id", "Source", "Standing", "Note"), rows))
    rest_on = [rule.id for rule in pack.rules.every() if _is_open(pack.sources_of(rule))]
    yield (
        f"Of {len(tuple(pack.rules.every()))} rules, {len(rest_on)} rest at least in part on "
        "something recalled or chosen, and are for the force to confirm: "
        f"{', '.join(f'`{each}`' for each in rest_on) or 'none'}."
    )


def _is_open(sources: tuple[Source, ...]) -> bool:
    return any(source.standing in {"recalled", "chosen"} for source in sources)


def _table(table: Table) -> Iterator[str]:
    for row in (table.header, ("---",) * len(table.header), *table.rows):
        yield f"| {' | '.join(row)} |"
    yield ""
