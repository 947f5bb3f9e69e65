"""A Redshift statement made into one that PostgreSQL understands, or refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dwh.local.redshift.dialect import alter, ddl, lexer, queries, refusals
from dwh.local.redshift.dialect.datatypes import read_type
from dwh.local.redshift.dialect.lexer import Name, Token, Tokens, code, word_set
from dwh.local.redshift.dialect.reader import Reader
from dwh.local.redshift.errors import RedshiftError, not_supported, refused, syntax

# PostgreSQL cuts longer names without an error, and COPY would then miss the keys that they name; Redshift has 127.
NAME_BYTES = 63


@dataclass(frozen=True)
class Plan:
    """What to send for one statement.

    Attributes:
        sql: the statement.
        after: what has to follow it, such as the record of a distribution key.
        tag: what the client is told was done, where PostgreSQL would name another command.
        writes: the table it changes: two transactions cannot change one table at a time.
        control: it begins (BEGIN) or ends a transaction (COMMIT, ROLLBACK).
        commits: the transaction ends with it, whatever it is.
        alone: the name of a command that must not run inside a transaction.
        copy: the server carries it out itself.
        laterals: it may use an alias of its SELECT list in the same list.
    """

    sql: str
    after: tuple[str, ...] = ()
    tag: str = ""
    writes: Name | None = None
    control: str = ""
    commits: bool = False
    alone: str = ""
    copy: bool = False
    laterals: bool = False

    @property
    def lock(self) -> str:
        """What makes writers of one table wait for each other, and lets readers pass."""
        return f"LOCK TABLE {self.writes.sql} IN SHARE ROW EXCLUSIVE MODE" if self.writes else ""

    @property
    def own(self) -> bool:
        """Whether it takes more than to send one statement on."""
        return bool(self.after or self.tag or self.commits or self.alone or self.copy)


def _check_names(statement: Tokens) -> None:
    """Refuse names that PostgreSQL would cut.

    Raises:
        RedshiftError: there is one.
    """
    for token in statement:
        if token.is_name and len(token.name.encode()) > NAME_BYTES:
            raise not_supported(f'the name "{token.name}", longer than {NAME_BYTES} bytes,', "use a shorter name")


def translate(statement: Tokens, laterals: frozenset[str] = frozenset()) -> Plan:
    """Make one Redshift statement into PostgreSQL's.

    Args:
        statement: all its tokens.
        laterals: aliases that PostgreSQL did not know where the statement uses them.

    Raises:
        RedshiftError: Redshift refuses the statement, or the stand-in does not support it.
    """
    words = code(statement)
    _check_names(statement)
    if words[0].upper == "COPY":
        return Plan("", copy=True)
    refusals.check(lexer.blanked(statement))
    token = queries.lateral_aliases.set(laterals)
    try:
        verb = words[0].upper
        if verb == "(":
            verb = "SELECT"
        if verb not in _VERBS:
            if words[0].kind != "word" or verb not in _KNOWN:
                raise syntax(words[0].text)
            raise not_supported(f"the statement {verb}")
        return _VERBS[verb](statement, words)
    except IndexError:  # it breaks off
        raise syntax("") from None
    except RecursionError:
        raise RedshiftError("statement too complex", "54001") from None
    finally:
        queries.lateral_aliases.reset(token)


def _pass(statement: Tokens, words: Tokens) -> Plan:
    return Plan(queries.rewrite_query(statement), laterals=queries.aliases_used(statement))


def _explain(statement: Tokens, words: Tokens) -> Plan:
    """EXPLAIN of what Redshift explains; of CREATE TABLE AS, the query is what has a plan."""
    place = 2 if [token.upper for token in words[1:2]] == ["VERBOSE"] else 1
    if len(words) == place:
        raise syntax("")
    verb = words[place].upper
    if verb == "CREATE":
        translate(_from(statement, words[place]))
        place = next((index + 1 for index, token in enumerate(words) if token.upper == "AS"), len(words))
    if verb not in _EXPLAINED or place >= len(words):
        raise refused(f"EXPLAIN of {verb}", "explain a query, CREATE TABLE AS, INSERT, UPDATE or DELETE")
    plan = translate(_from(statement, words[place]), queries.lateral_aliases.get())
    return Plan(f"EXPLAIN{' VERBOSE' * (words[1].upper == 'VERBOSE')} {plan.sql}", laterals=plan.laterals)


def _from(statement: Tokens, first: Token) -> Tokens:
    """The rest of a statement, from one of its tokens on."""
    return statement[_index(statement, first) :]


def _index(statement: Tokens, wanted: Token) -> int:
    """The place of one of its tokens, blanks counted."""
    return next(index for index, token in enumerate(statement) if token is wanted)


def _with(statement: Tokens, words: Tokens) -> Plan:
    """WITH before a query, an UPDATE or a DELETE (guide, UPDATE and DELETE); an INSERT has it before its SELECT."""
    depth = 0
    for place, token in enumerate(words):
        depth += (token.text == "(") - (token.text == ")") if token.kind == "op" else 0
        if depth == 0 and token.upper in ("INSERT", "MERGE"):
            raise refused(f"WITH before {token.upper}", "write it before SELECT")
        if depth == 0 and token.upper in ("UPDATE", "DELETE"):
            return _written(statement, words, place + (1 if token.upper == "UPDATE" else 2))
    return _pass(statement, words)


def _written(statement: Tokens, words: Tokens, place: int) -> Plan:
    table, _ = lexer.take_name(words, place)
    return Plan(queries.rewrite_query(statement), writes=table, laterals=queries.aliases_used(statement))


def _insert(statement: Tokens, words: Tokens) -> Plan:
    if len(words) < 3 or words[1].upper != "INTO":
        raise syntax(words[1].text if len(words) > 1 else "")
    return _written(statement, words, 2)


def _update(statement: Tokens, words: Tokens) -> Plan:
    return _written(statement, words, 1)


def _delete(statement: Tokens, words: Tokens) -> Plan:
    place = 2 if len(words) > 1 and words[1].upper == "FROM" else 1
    if place == 1:  # DELETE table: FROM may be left out
        verb = statement.index(words[0])
        statement = [*statement[: verb + 1], Token("word", " FROM"), *statement[verb + 1 :]]
    return _written(statement, words, place)


def _merge(statement: Tokens, words: Tokens) -> Plan:
    """MERGE within Redshift's limits (guide, MERGE): both WHEN clauses, in this order, with no conditions."""
    reader = Reader(words, 1)
    reader.need("INTO")
    target = reader.name()
    if reader.word != "USING":
        raise refused("an alias for the target of MERGE", "use the table's name")
    reader.need("USING")
    if reader.word == "(":
        raise refused("a subquery as the source of MERGE", "put it into a temporary table first")
    reader.name()
    clauses = [place for place in range(reader.place, len(words)) if words[place].upper == "WHEN"]
    clauses = [place for place in clauses if place + 1 < len(words) and words[place + 1].upper in ("MATCHED", "NOT")]
    shapes = [" ".join(token.upper for token in words[place : place + 4]) for place in clauses]
    if (
        len(shapes) != 2
        or not shapes[0].startswith("WHEN MATCHED THEN")
        or not shapes[1].startswith("WHEN NOT MATCHED THEN")
    ):
        raise refused(
            "a MERGE other than WHEN MATCHED THEN ... WHEN NOT MATCHED THEN INSERT",
            "give both clauses, in this order and without AND",
        )
    if words[clauses[0] + 3].upper not in ("UPDATE", "DELETE") or words[clauses[1] + 4].upper != "INSERT":
        raise refused("this action of MERGE", "use UPDATE or DELETE, then INSERT")
    return Plan(queries.rewrite_query(statement), writes=target)


def _prepare(statement: Tokens, words: Tokens) -> Plan:
    """PREPARE name (types) AS statement."""
    reader = Reader(words, 1)
    name = reader.next().name
    types = lexer.arguments(reader.inside()) if reader.word == "(" else []
    kinds = ", ".join(read_type(kind, 0, cast=True)[0] for kind in types)
    reader.need("AS")
    plan = translate(_from(statement, reader.next()), queries.lateral_aliases.get())
    if plan.writes:
        raise not_supported("PREPARE of a statement that changes data")
    return Plan(f"PREPARE {lexer.identifier(name)} {f'({kinds})' * bool(kinds)} AS {plan.sql}", laterals=plan.laterals)


def _execute(statement: Tokens, words: Tokens) -> Plan:
    """EXECUTE name (values)."""
    reader = Reader(words, 1)
    name = reader.next().name
    given = f"({_spaced(reader.inside())})" if reader.word == "(" else ""
    if reader.word:
        raise syntax(reader.raw)
    return Plan(f"EXECUTE {lexer.identifier(name)} {given}")


def _cancel(statement: Tokens, words: Tokens) -> Plan:
    """CANCEL pid; the message that may follow is for Redshift's confirmation, which is not shown here."""
    reader = Reader(words, 1)
    process = reader.next()
    if reader.place < len(words) and words[reader.place].kind == "string":
        reader.next()
    if reader.word or process.kind != "number" or not process.text.isdecimal():
        raise syntax(reader.raw or process.text)
    return Plan(f"DO $redshift$BEGIN PERFORM redshift.cancel({process.text}::int); END$redshift$", tag="CANCEL")


def _lock(statement: Tokens, words: Tokens) -> Plan:
    reader = Reader(words, 1)
    reader.take("TABLE")
    reader.name()
    while reader.take(","):
        reader.name()
    return Plan(queries.rewrite_query(statement))


def _truncate(statement: Tokens, words: Tokens) -> Plan:
    reader = Reader(words, 1)
    reader.take("TABLE")
    table = reader.name()
    if reader.word:
        raise syntax(reader.raw)
    return Plan(f"TRUNCATE {table.sql}", commits=True)


def _create(statement: Tokens, words: Tokens) -> Plan:
    ahead = [token.upper for token in words[1:5]]
    if ahead[:1] == ["TABLE"] or (ahead[0] in ("TEMP", "TEMPORARY", "LOCAL") and "TABLE" in ahead):
        sql, after = ddl.create_table(words, _spaced)
        return Plan(sql, after, laterals=queries.aliases_used(statement))
    if ahead[:2] == ["MATERIALIZED", "VIEW"]:
        return Plan(ddl.create_materialized_view(words, _spaced))
    if "VIEW" in ahead[:3]:
        return _pass(statement, words)
    if ahead[:1] and ahead[0] in ("SCHEMA", "USER", "GROUP", "ROLE"):
        return Plan(lexer.render(_folded(statement)))
    raise not_supported(f"CREATE {ahead[0] if ahead else ''}".strip())


def _spaced(tokens: Tokens) -> str:
    return queries.rewrite_query([piece for token in tokens for piece in (token, Token("space", " "))]).strip()


def _folded(tokens: Tokens) -> Tokens:
    return [Token("quoted", lexer.identifier(token.name)) if token.kind == "quoted" else token for token in tokens]


def _drop(statement: Tokens, words: Tokens) -> Plan:
    kind = words[1].upper if len(words) > 1 else ""
    if kind not in ("TABLE", "VIEW", "SCHEMA", "USER", "GROUP", "ROLE", "MATERIALIZED"):
        raise not_supported(f"DROP {kind}".strip())
    return _pass(statement, words)


def _alter(statement: Tokens, words: Tokens) -> Plan:
    if [token.upper for token in words[1:2]] == ["TABLE"]:
        sql, *after = alter.alter_table(words, _spaced)
        return Plan(sql, tuple(after), tag="ALTER TABLE")
    if words[1].upper in ("SCHEMA", "USER", "GROUP"):
        return Plan(lexer.render(_folded(statement)))
    raise not_supported(f"ALTER {words[1].upper}")


def _vacuum(statement: Tokens, words: Tokens) -> Plan:
    """PostgreSQL's plain VACUUM does for every kind; TO n PERCENT and BOOST say how much of the work."""
    reader = Reader(words, 1)
    if not (reader.take("SORT", "ONLY") or reader.take("DELETE", "ONLY")):
        _ = reader.take("FULL") or reader.take("REINDEX") or reader.take("RECLUSTER")
    table = reader.name().sql if reader.word and reader.word != "TO" else ""
    if reader.take("TO"):
        reader.next()
        reader.need("PERCENT")
    reader.take("BOOST")
    if reader.word:
        raise syntax(reader.raw)
    return Plan(f"VACUUM {table}".strip(), alone="VACUUM")


def _analyze(statement: Tokens, words: Tokens) -> Plan:
    """ANALYZE of one table as Redshift does it; of some columns, or of all tables, as PostgreSQL does."""
    reader = Reader(words, 1)
    verbose = " VERBOSE" if reader.take("VERBOSE") else ""
    sql = f"ANALYZE{verbose}"
    if reader.word and reader.word not in ("PREDICATE", "ALL"):
        table = reader.name()
        sql = ddl.perform("refresh", table)
        if reader.word == "(":
            sql = f"ANALYZE{verbose} {table.sql} ({', '.join(map(lexer.identifier, reader.names()))})"
    _ = reader.take("PREDICATE", "COLUMNS") or reader.take("ALL", "COLUMNS")
    if reader.word:
        raise syntax(reader.raw)
    return Plan(sql, tag="ANALYZE")


def _setting(statement: Tokens, words: Tokens) -> Plan:
    """SET, SHOW and RESET: what only Redshift has is kept under a name of its own."""
    place = 2 if len(words) > 2 and words[1].upper in ("SESSION", "LOCAL") else 1
    name = words[place].name if place < len(words) else ""
    if name == "authorization":
        return _act_as(words, place + 1)
    if name in ("time", "all", "characteristics"):
        return Plan(lexer.render(statement))
    value = words[-1].text.strip("'").lower()
    if name == "error_on_nondeterministic_update" and value not in ("false", "off", "default"):
        raise not_supported(f"{name} with the value true", "use MERGE, which refuses several matches of a row")
    encoding = words[-1].text.strip("'\"").upper()
    if name == "client_encoding" and words[0].upper == "SET" and encoding not in (*refusals.ENCODINGS, "DEFAULT"):
        raise RedshiftError(f'invalid value for parameter "client_encoding": "{encoding}"', "22023")
    if name in refusals.OWN_SETTINGS:
        at = _index(statement, words[place])
        return Plan(lexer.render([*statement[:at], Token("word", f"redshift.{name}"), *statement[at + 1 :]]))
    if name not in refusals.SETTINGS and words[0].upper != "SHOW":
        if name == "enable_case_sensitive_identifier":
            raise not_supported("enable_case_sensitive_identifier")
        raise RedshiftError(f'unrecognized configuration parameter "{name}"', "42704")
    return Plan(lexer.render(_folded(statement)))


def _act_as(words: Tokens, place: int) -> Plan:
    """SESSION AUTHORIZATION: the master is no superuser of PostgreSQL, but a member of every user (see roles.py)."""
    reader = Reader(words, place)
    if words[0].upper == "RESET" or reader.take("DEFAULT"):
        sql = "RESET ROLE"
    else:
        user = reader.next()
        sql = f"SET ROLE {user.text if user.kind == 'string' else lexer.identifier(user.name)}"
    if reader.word:
        raise syntax(reader.raw)
    return Plan(sql)


def _begin(statement: Tokens, words: Tokens) -> Plan:
    return Plan("BEGIN", control="BEGIN")  # isolation levels in BEGIN have no effect: the database has one


def _end(statement: Tokens, words: Tokens) -> Plan:
    end = "COMMIT" if words[0].upper in ("COMMIT", "END") else "ROLLBACK"
    return Plan(end, control=end)


_PASSED = word_set(
    """
    SELECT DECLARE FETCH CLOSE GRANT REVOKE COMMENT DEALLOCATE REFRESH
    """
)
_EXPLAINED = word_set("( SELECT WITH INSERT UPDATE DELETE CREATE")
_VERBS: dict[str, Callable[[Tokens, Tokens], Plan]] = {
    **dict.fromkeys(_PASSED, _pass),
    "WITH": _with,
    "EXPLAIN": _explain,
    "INSERT": _insert,
    "UPDATE": _update,
    "DELETE": _delete,
    "MERGE": _merge,
    "PREPARE": _prepare,
    "EXECUTE": _execute,
    "CANCEL": _cancel,
    "LOCK": _lock,
    "TRUNCATE": _truncate,
    "CREATE": _create,
    "DROP": _drop,
    "ALTER": _alter,
    "VACUUM": _vacuum,
    "ANALYZE": _analyze,
    "ANALYSE": _analyze,
    **dict.fromkeys(("SET", "SHOW", "RESET"), _setting),
    **dict.fromkeys(("BEGIN", "START"), _begin),
    **dict.fromkeys(("COMMIT", "END", "ROLLBACK", "ABORT"), _end),
}
_KNOWN = word_set(
    """
    CALL CLUSTER CHECKPOINT DISCARD DO IMPORT LOAD MOVE REASSIGN SECURITY UNLOAD USE DESC
    """
)
