"""Rules of Redshift that PostgreSQL does not have, so that no run on this machine could show a breach."""

from __future__ import annotations

import re

import pytest
import sqlglot
from sqlglot import exp

import sql_queries

STATEMENTS = {name: text for name, text in vars(sql_queries).items() if name.isupper() and isinstance(text, str)}
STATEMENTS |= {f"AUDIT {check.name}": check.query for check in sql_queries.AUDITS}
STATEMENTS |= {f"ROWS {check.name}": check.rows for check in (*sql_queries.AUDITS, sql_queries.MATCHES)}
STATEMENTS |= {f"INSIGHT {name}": text for name, text in sql_queries.INSIGHTS.items()}
del STATEMENTS["MANIFEST"]  # a clause
BREACHES = {
    "literal": "SELECT kind FROM (SELECT 'a' AS kind FROM t) AS k ORDER BY kind",
    "null": "WITH k AS (SELECT NULL AS kind) SELECT kind FROM k",
    "union": "SELECT kind FROM (SELECT kind FROM t UNION ALL SELECT 'b') AS k",
    "case": "SELECT kind FROM (SELECT CASE WHEN a THEN 'a' ELSE 'b' END AS kind FROM t) AS k",
}


def parse(text):
    """The tree of a statement, its parameters in place."""
    text = re.sub(r"%\(\w+\)s", "'p'", text).replace("VALUES %s", "VALUES (1)").replace("%%", "%").replace("{}", "t")
    return sqlglot.parse_one(text, dialect="redshift")


def untyped(expression):
    if isinstance(expression, exp.Case):
        branches = [branch.args["true"] for branch in expression.args["ifs"]]
        return all(map(untyped, [*branches, expression.args.get("default") or exp.Null()]))
    return isinstance(expression, exp.Null) or (isinstance(expression, exp.Literal) and expression.is_string)


def untyped_literals(tree):
    """Texts and NULLs without a type in a select list below the top one, or beside others in a set operation."""
    return [
        item.sql()
        for select in tree.find_all(exp.Select)
        if select.parent is not None
        for item in select.expressions
        if untyped(item.unalias())
    ]


def declared_keys():
    """Each foreign key of the tables as a pair: its column, and the one that it refers to."""
    found = set()
    for name, text in sql_queries.CREATE.items():
        for column, table, key in re.findall(r"FOREIGN KEY \((\w+)\) REFERENCES (\w+) \((\w+)\)", text):
            found.add(((name, column), (table, key)))
    return found


def bare_joins(tree):
    """The pairs of columns, with their tables, that a join compares as they are."""
    names = {table.alias_or_name: table.name for table in tree.find_all(exp.Table)}
    pairs = set()
    for join in tree.find_all(exp.Join):
        for equal in join.args["on"].find_all(exp.EQ) if join.args.get("on") else ():
            if isinstance(equal.left, exp.Column) and isinstance(equal.right, exp.Column):
                sides = [(names.get(side.table, side.table), side.name) for side in (equal.left, equal.right)]
                pairs |= {(sides[0], sides[1]), (sides[1], sides[0])}
    return pairs


def columns_of_other_types():
    """The names of columns that are no text in any table."""
    kinds = {}
    for text in sql_queries.CREATE.values():
        for column in parse(text).find_all(exp.ColumnDef):
            kinds.setdefault(column.name, set()).add(column.kind.sql().split("(")[0])
    return {name for name, found in kinds.items() if found.isdisjoint({"VARCHAR", "CHAR"})}


def joined_to_text(tree):
    """Operands of || that are neither text nor cast to it: which types become text unasked is not documented."""
    typed = exp.Literal | exp.Cast | exp.DPipe | exp.Paren
    return [
        operand.sql()
        for pipe in tree.find_all(exp.DPipe)
        for operand in (pipe.left, pipe.right)
        if not isinstance(operand, typed)
        and (
            isinstance(operand, exp.AggFunc)
            or any(column.name in columns_of_other_types() for column in operand.find_all(exp.Column))
        )
    ]


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_untyped_literal_below_the_top(name):
    """Redshift: failed to find conversion function from "unknown" to text."""
    assert untyped_literals(parse(STATEMENTS[name])) == []


@pytest.mark.parametrize("text", BREACHES.values(), ids=BREACHES)
def test_an_untyped_literal_is_found(text):
    assert untyped_literals(parse(text))


@pytest.mark.parametrize("check", sql_queries.AUDITS, ids=lambda check: check.name)
def test_no_audit_joins_on_a_declared_key_as_it_is(check):
    """The planner may answer from the declaration, and find that every key has its row."""
    for text in (check.query, check.rows):
        assert bare_joins(parse(text)) & declared_keys() == set()


def test_an_unshielded_audit_of_keys_is_found():
    text = "SELECT COUNT(*) FROM songplays AS p LEFT JOIN users ON users.user_id = p.user_id"
    assert bare_joins(parse(text)) & declared_keys()


@pytest.mark.parametrize("name", STATEMENTS)
def test_what_is_joined_to_text_is_text(name):
    assert joined_to_text(parse(STATEMENTS[name])) == []


@pytest.mark.parametrize("text", ["SELECT 'at ' || start_time FROM t", "SELECT 'n ' || COUNT(*) FROM t"])
def test_what_is_joined_to_text_without_a_cast_is_found(text):
    assert joined_to_text(parse(text))


def test_the_names_of_the_audits_are_told_apart():
    assert len({check.name for check in sql_queries.AUDITS}) == len(sql_queries.AUDITS)
