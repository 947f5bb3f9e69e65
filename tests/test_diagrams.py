"""The pictures of the README say what the code says."""

from __future__ import annotations

import re
import shutil
import struct
from pathlib import Path

import pytest

import sql_queries
from assets import draw, report
from dwh import config

ROOT = Path(__file__).parent.parent
DOT = shutil.which("dot")
SOURCES = pytest.mark.parametrize("source", [draw.STAR, draw.ARCHITECTURE], ids=lambda path: path.stem)
needs_graphviz = pytest.mark.skipif(DOT is None, reason="graphviz is not installed, so nothing can be drawn")

PETS = """
CREATE TABLE IF NOT EXISTS pets (
    pet_id BIGINT           NOT NULL IDENTITY(0, 1) ENCODE AZ64,
    weight DOUBLE PRECISION ENCODE ZSTD,
    owner  VARCHAR(64)      NOT NULL,
    PRIMARY KEY (pet_id, owner),
    FOREIGN KEY (owner) REFERENCES owners (name)
)
DISTSTYLE KEY
DISTKEY (owner)
SORTKEY (owner, pet_id)
"""


def size(png):
    """Width and height in pixels, as the header of a PNG has them."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", png[16:24])


def labels(source):
    return re.findall(r'label="([^"]+)"', source.read_text())


def test_the_text_of_the_star_schema_is_that_of_the_ddl():
    assert draw.STAR.read_text() == draw.star_dot(sql_queries.CREATE), "out of date: make diagrams"


@SOURCES
def test_a_picture_is_as_new_as_its_text(source):
    drawn_from = draw.HASH_KEYWORD + b"\0" + draw.digest(source.read_text()).encode()
    assert drawn_from in source.with_suffix(".png").read_bytes(), "out of date: make diagrams"


@SOURCES
def test_a_picture_is_legible_as_wide_as_github_shows_it(source):
    """About 830 points wide: a font of 9 points is then at least 8.5 pixels high."""
    width, _ = size(source.with_suffix(".png").read_bytes())
    assert 800 <= width * 72 / draw.DPI <= 870


def test_a_table_is_read_as_declared():
    assert draw.parse(PETS) == draw.Table(
        "pets",
        (
            draw.Column("pet_id", "BIGINT IDENTITY", True),
            draw.Column("weight", "DOUBLE PRECISION", False),
            draw.Column("owner", "VARCHAR(64)", True),
        ),
        primary_key=("pet_id", "owner"),
        references={"owner": ("owners", "name")},
        diststyle="KEY",
        distkey="owner",
        sortkey=("owner", "pet_id"),
    )


@pytest.mark.parametrize(
    ("declared", "otherwise"),
    [
        ("    weight DOUBLE PRECISION ENCODE ZSTD,", "    weight DOUBLE PRECISION DISTKEY,"),
        ("    PRIMARY KEY (pet_id, owner),", "    UNIQUE (pet_id),"),
        ("SORTKEY (owner, pet_id)", "INTERLEAVED SORTKEY (owner, pet_id)"),
        ("DISTSTYLE KEY", "BACKUP NO"),
    ],
)
def test_what_cannot_be_drawn_is_refused_and_not_left_out(declared, otherwise):
    assert declared in PETS
    with pytest.raises(ValueError, match="can be drawn"):
        draw.parse(PETS.replace(declared, otherwise))


@pytest.mark.parametrize(
    ("table", "declared", "otherwise"),
    [
        ("songplays", "DISTKEY (user_id)", "DISTKEY (session_id)"),
        ("songplays", "song_id     VARCHAR(64) ", "song_id     VARCHAR(32) "),
        ("songs", "FOREIGN KEY (artist_id) REFERENCES artists (artist_id)", "PRIMARY KEY (song_id)"),
        ("time", "SORTKEY (start_time)", "SORTKEY (year)"),
        ("users", "DISTSTYLE ALL", "DISTSTYLE EVEN"),
        ("users", "    gender     VARCHAR(16)           ENCODE ZSTD,\n", ""),
        ("artists", "name      VARCHAR(1024)          ", "name      VARCHAR(1024) NOT NULL "),
    ],
)
def test_a_change_of_the_ddl_changes_the_picture(table, declared, otherwise):
    ddl = sql_queries.CREATE[table]
    assert declared in ddl
    changed = sql_queries.CREATE | {table: ddl.replace(declared, otherwise)}
    assert draw.star_dot(changed) != draw.star_dot(sql_queries.CREATE)


def test_the_star_has_all_its_tables_and_keys_and_no_others():
    text = draw.star_dot(sql_queries.CREATE)
    assert set(re.findall(r"^    (\w+) \[pos=", text, re.MULTILINE)) == set(sql_queries.STAR_TABLES)
    declared = {
        f"{table}:{column} -> {parent}:{key}"
        for table in sql_queries.STAR_TABLES
        for column, parent, key in re.findall(
            r"FOREIGN KEY \((\w+)\) REFERENCES (\w+) \((\w+)\)", sql_queries.CREATE[table]
        )
    }
    assert set(re.findall(r"\w+:\w+ -> \w+:\w+", text)) == declared


def test_the_architecture_names_every_script_and_no_other():
    shown = {label for label in labels(draw.ARCHITECTURE) if label.endswith(".py")}
    assert shown == {path.name for path in ROOT.glob("*.py")} - {"sql_queries.py"}


def test_the_lane_of_this_machine_names_every_script_too():
    placed = re.findall(r'\w+ \[pos="[\d.]+,([\d.]+)"[^\]]*label="(\w+\.py)"', draw.ARCHITECTURE.read_text())
    lanes = [{name for y, name in placed if (float(y) < 190) is below} for below in (True, False)]
    assert lanes[0] == lanes[1] == {path.name for path in ROOT.glob("*.py")} - {"sql_queries.py"}


def test_the_manifest_leads_to_copy():
    assert "    manifest -> say_copy [pos=" in draw.ARCHITECTURE.read_text()


def test_the_star_says_how_many_rows_refer_to_how_many():
    drawn = draw.star_dot(sql_queries.CREATE)
    assert re.findall(r'label="(n|1|0\.\.1)"', drawn) == ["n", "1", "n", "1", *["n", "0..1"] * 3]
    optional = sql_queries.CREATE | {
        "songplays": sql_queries.CREATE["songplays"].replace(
            "user_id     INTEGER       NOT NULL", "user_id     INTEGER      "
        )
    }
    assert draw.star_dot(optional).count('label="1"') == 1


def test_the_report_is_photographed_for_the_page_that_shows_it():
    picture = (ROOT / "assets" / "report.png").read_bytes()
    width, height = size(picture)
    assert (width, height) == (report.WIDTH * report.SCALE, report.HEIGHT * report.SCALE)
    assert len(picture) < 300_000


def test_without_a_browser_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert report.main() == 1
    assert "hint: apt-get install chromium" in capsys.readouterr().err


def test_the_architecture_names_the_tables_and_the_sources():
    shown = set(labels(draw.ARCHITECTURE))
    assert shown >= {*sql_queries.STAGING_TABLES, *sql_queries.STAR_TABLES}
    settings = config._parse_file(ROOT / "dwh.cfg")
    for option in ("log_data", "song_data", "log_jsonpath"):
        bucket, _, key = settings.get("S3", option).removeprefix("s3://").partition("/")
        assert {f"{bucket}\\l", key} <= shown


@needs_graphviz
@SOURCES
def test_a_picture_can_be_drawn_again(source):
    drawn = draw.png(source.read_text(), DOT)
    assert drawn == draw.png(source.read_text(), DOT)
    # Every part has its place in the text: another version of graphviz may only round differently.
    assert size(drawn) == pytest.approx(size(source.with_suffix(".png").read_bytes()), abs=4)


def test_without_graphviz_it_says_what_to_install(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(draw, "STAR", tmp_path / "star.dot")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert draw.main() == 1
    assert "apt-get install graphviz" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["star.dot"]


@needs_graphviz
def test_both_are_drawn_by_one_command(monkeypatch, tmp_path, capsys):
    shutil.copy(draw.ARCHITECTURE, tmp_path)
    monkeypatch.setattr(draw, "STAR", tmp_path / draw.STAR.name)
    monkeypatch.setattr(draw, "ARCHITECTURE", tmp_path / draw.ARCHITECTURE.name)
    assert draw.main() == 0
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["dwh4.png", "sparkify_star_schema.png"]
    assert capsys.readouterr().out == "drawn: assets/dwh4.png\ndrawn: assets/sparkify_star_schema.png\n"
