"""The README, and the pages beside what they describe, say what the code says."""

from __future__ import annotations

import argparse
import ast
import json
import re

import pytest
from pages import PAGES, ROOT, anchors, prose, quoted

import business_insights
import create_cluster
import create_tables
import destroy_cluster
import etl
import sql_queries
from assets import terminal
from dwh import cli, config, keys
from dwh.provision import prices

README = PAGES["README.md"]
SETTINGS = PAGES["dwh/README.md"]
OPERATOR = PAGES["dwh/aws/README.md"]
CHARACTERS_OF_A_BLOCK = 97  # in 830 pixels, before a reader has to scroll
STEPS = (create_cluster, create_tables, etl, business_insights, destroy_cluster)
CODE = [*ROOT.glob("*.py"), *(ROOT / "dwh").rglob("*.py")]

# --- The errors of "When it fails" ---

EXIT_OF = {"ConfigError": 2, "Problem": 2, "problems.append": 2, "RefusedError": 3}
STAND_IN = "7"
PLACEHOLDERS = re.compile(r"\b(N|NAME|HOST|REGION|TIME|BUCKET/PREFIX)\b")
# Said by Python itself; the exit code is that of dwh/cli.py, which prints it.
PYTHONS_OWN = {"No module named NAME": 1}


def pattern(node):
    """What a text of the code can say, as a regular expression."""
    if isinstance(node, ast.Constant):
        return re.escape(str(node.value))
    if isinstance(node, ast.JoinedStr):
        return "".join(map(pattern, node.values))
    if isinstance(node, ast.BinOp):
        return pattern(node.left) + pattern(node.right)
    if isinstance(node, ast.IfExp):
        return f"(?:{pattern(node.body)}|{pattern(node.orelse)})"
    return ".+"


def texts(tree):
    """Every text of a module that says something by itself, and the exit code that goes with it."""
    for node in ast.walk(tree):
        code, parts = 1, [node] if isinstance(node, ast.Constant | ast.JoinedStr) else []
        if isinstance(node, ast.Call) and node.args:
            code, parts = EXIT_OF.get(ast.unparse(node.func), 1), node.args[:1]
        for part in parts:
            said = pattern(part)
            if len(re.findall("[a-z]", said)) > 6:
                yield said, code


def exit_codes(text, known):
    """The exit codes with which the code says a text that a page quotes."""
    example = PLACEHOLDERS.sub(STAND_IN, text)
    if example.endswith(" ..."):
        start = re.compile(re.escape(example.removesuffix("...")))
        return {code for said, code in known if start.match(said.pattern.replace("\\ ", " "))}
    return {code for said, code in known if said.fullmatch(example)}


@pytest.fixture(scope="module")
def known():
    found = {text for path in CODE for text in texts(ast.parse(path.read_text()))}
    return [(re.compile(said), code) for said, code in found]


def quoted_errors():
    table = OPERATOR.split("with its exit code -->\n")[1].split("<!-- end of errors")[0]
    for row in table.splitlines()[2:]:
        said, code, _ = re.split(r" \| ", row.strip("| "), maxsplit=2)
        for text in re.findall(r"`([^`]+)`", said):
            yield text, int(code)


@pytest.mark.parametrize(("text", "code"), list(quoted_errors()))
def test_an_error_that_is_quoted_is_said_with_that_exit_code(text, code, known):
    if text in PYTHONS_OWN:
        with pytest.raises(ModuleNotFoundError, match="No module named"):
            __import__("no_such_module_anywhere")
        assert code == PYTHONS_OWN[text]
        return
    codes = exit_codes(text, known)
    assert codes, f"nothing says: {text}"
    # A text may stand in the code a second time, outside of the error that says it.
    assert code in codes
    assert codes <= {code, 1}


@pytest.mark.parametrize("text", ["the cluster does not answer", "COPY refuses ...", "there is no tables yet", "N"])
def test_an_error_that_nobody_says_is_found_out(text, known):
    assert not exit_codes(text, known)


def test_every_exit_code_has_its_row():
    table = OPERATOR.split("| exit code | meaning |")[1].split("\n\n")[0]
    shown = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    assert shown == {int(code) for code in re.findall(r"\d+", cli.EXIT_CODES)} | {143}


# --- Tables and figures ---


def configuration_table():
    """The configuration reference, made from the rows that the parser works with."""
    defaults = config._parse_file(ROOT / "dwh.cfg")
    lines = ["| section | key | default | meaning |", "| --- | --- | --- | --- |"]
    for key in keys.KEYS:
        # What create_cluster.py has written here, `make run` for one, is no default.
        default = "" if key.meaning.endswith("written by create_cluster.py") else defaults.get(key.section, key.option)
        lines.append(f"| {key.section} | `{key.option}` | {f'`{default}`' if default else ''} | {key.meaning} |")
    return "\n".join(lines)


def test_the_configuration_reference_is_that_of_the_parser():
    between = SETTINGS.split("checks it -->\n")[1].split("<!-- end of configuration")[0]
    assert between.strip() == configuration_table()


def test_every_package_has_its_reason():
    reasons = PAGES[".github/CONTRIBUTING.md"].split("## The packages, and why")[1].split("\n## ")[0]
    files = [ROOT / "requirements.txt", *(ROOT / "tests").glob("requirements.txt")]
    named = [name for file in files for name in re.findall(r"^([A-Za-z0-9-]+)", file.read_text(), re.MULTILINE)]
    assert len(named) > 20
    for package in named:
        assert package in reasons, package


def test_the_star_schema_is_that_of_the_ddl():
    for table in sql_queries.STAR_TABLES:
        columns = re.findall(r"^    ([a-z_]+) +[A-Z]", sql_queries.CREATE[table], re.MULTILINE)
        row = re.search(rf"^\| `{table}` \| ((?:\w+(?: \(.*?\))?(?:, )?)+) \|$", README, re.MULTILINE)
        assert row, table
        assert re.sub(r" \(.*?\)", "", row[1]).split(", ") == columns


def test_every_word_for_what_becomes_of_a_record_is_explained():
    table = SETTINGS.split("| word | the record |")[1].split("\n\n")[0]
    explained = {word for cell in re.findall(r"^\| ([a-z ,]+) \|", table, re.MULTILINE) for word in cell.split(", ")}
    accounts = [text for name, text in vars(sql_queries).items() if name.startswith(("ACCOUNT_", "STAGED_"))]
    said = {word for text in accounts for word in re.findall(r"(?:THEN |ELSE |CAST\()'([a-z ]+)'", text)}
    assert said > {"no user id", "odd user id", "duplicate", "no song"}
    assert said - {"complete", "new", *sql_queries.STAR_TABLES} | {"inserted"} <= explained


def test_the_figures_are_those_of_the_code():
    policy = json.dumps(json.loads((ROOT / "assets" / "iam_policy.json").read_text()), separators=(",", ":"))
    assert f"It has about {round(len(policy), -3):,} characters" in OPERATOR
    assert f"a line for each of {len(sql_queries.CREATE)} tables" in README
    settings = config.load(ROOT / "dwh.cfg", "local", {})
    assert f"The cluster costs {prices.line(settings)}.\n" in README
    month = f"{prices.hourly(settings) * 730:.0f} USD a month"
    assert f"{keys.NODE_TYPES['ra3.large'].hourly} USD an hour, {month}" in OPERATOR
    assert f"about {prices.hourly(settings):.2f} USD an hour **until step 8**: [{month}]" in README
    larger = keys.NODE_TYPES["ra3.4xlarge"].hourly
    assert f"4 × {larger} = {4 * larger:.2f} USD an hour ({prices.READ_ON})" in OPERATOR


# --- The pages: what each is for, links, options, pictures ---

LINKED = {name: ROOT / name for name in PAGES} | {
    str(path.relative_to(ROOT)): path for folder in (".github", "tests") for path in (ROOT / folder).rglob("*.md")
}


@pytest.mark.parametrize("page", LINKED)
def test_every_link_of_a_page_leads_somewhere(page):
    links = re.findall(r"\]\(([^)\s]+)\)", prose(LINKED[page].read_text(encoding="utf-8")))
    for link in links:
        if link.startswith("https://"):
            continue
        name, _, place = link.partition("#")
        target = LINKED[page].parent / name if name else LINKED[page]
        assert target.exists(), link
        assert not place or place in anchors(target.read_text(encoding="utf-8")), link


@pytest.mark.parametrize("page", PAGES)
def test_a_page_begins_with_one_sentence_of_what_it_is_for(page):
    title, sentence = PAGES[page].split("\n\n", 2)[:2]
    assert re.fullmatch(r"# .+", title)
    assert re.fullmatch(r"[A-Z][^.!?|\n]+\.", sentence), sentence


def test_a_page_has_links_to_its_parts():
    for page, text in PAGES.items():
        parts = anchors("\n".join(re.findall(r"^## .+$", prose(text), re.MULTILINE)))
        listed = set(re.findall(r"\]\(#([^)]+)\)", text.split("\n## ")[0]))
        assert listed, page
        assert listed <= parts, page


def test_the_readme_takes_ten_minutes():
    assert len(README.split()) < 2200


def test_no_block_is_wider_than_github_shows_it():
    for page, text in PAGES.items():
        for block in re.findall(r"^ *```.*?^ *```", text, re.MULTILINE | re.DOTALL):
            assert max(map(len, block.splitlines())) <= CHARACTERS_OF_A_BLOCK, f"{page}\n{block}"


def test_no_sentence_is_in_two_places():
    places = {}
    for page, text in PAGES.items():
        for sentence in re.split(r"(?<=[.:]) |\n", prose(text)):
            if len(sentence) > 60:
                places.setdefault(sentence.strip(), []).append(page)
    assert {sentence: pages for sentence, pages in places.items() if len(pages) > 1} == {}


def test_every_option_that_a_page_names_is_one_of_a_step():
    known = {"-c", "-f", "--csv"}  # psql's
    known |= {"--users", "--events", "--songs"}  # those of dwh.local.sample
    known |= {"--policy-name", "--policy-document"}  # the AWS command line's
    known |= {"-x", "-n", "-r"}  # those of pytest and pip
    for step in STEPS:
        parser: argparse.ArgumentParser = step.build_parser()
        known |= {name for action in parser._actions for name in action.option_strings}
    code = [text for page in PAGES for text in quoted(page)]
    code += [line for text in PAGES.values() for line in re.findall(r"^python .*$", text, re.MULTILINE)]
    named = {option for text in code for option in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", text) if "http" not in text}
    assert named - {"-m"} <= known, named - {"-m"} - known


def test_the_picture_of_the_run_shows_its_commands_and_fetches_nothing():
    svg = terminal.PICTURE.read_text().replace("&#160;", " ")
    for command, kept in terminal.SHOWN:
        assert (f"$ python {command}<" in svg) == bool(kept)
    assert "url(http" not in svg
    assert 30 < len(set(re.findall(r'<text class="terminal-r\d+" x="0" y="([\d.]+)"', svg))) < 40
