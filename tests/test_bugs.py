"""What a step prints when it stops with an error that was not foreseen, and where --verbose says a setting is from."""

from __future__ import annotations

import io
import re

import pytest
from project import ROOT, run_main

import create_cluster
import etl
from dwh import bugs, cli, config

KEY, SECRET, PASSWORD = "AKIACANARYKEYCANARY1", "canary/secret+canary/secret+canary/secre", "CanaryPassword1"


def stopped(cfg, body, *options, build_parser=etl.build_parser):
    """Exit code, standard output and standard error of a step with this work."""
    out, err = io.StringIO(), io.StringIO()
    code = cli.run(build_parser, ["--config", str(cfg), *options], body, out=out, err=err)
    return code, out.getvalue(), err.getvalue()


def bug(_step):
    raise ZeroDivisionError("no number \x1b[31m")


def test_it_says_what_to_send_and_the_traceback_last(folder):
    code, out, err = stopped(folder.cfg, bug, "--target", "local", "--max-errors", "3", "--full")
    assert (code, out) == (1, "")
    lines = err.splitlines()
    assert re.fullmatch(r"error: \S+ stopped with an error that it does not know", lines[0])
    assert lines[1] == f"hint: {bugs.REPORT}"
    versions = r"sparkify [\d.]+, Python 3\.[\d.]+, boto3 1\.[\d.]+, psycopg2 2\.[\d.]+, \S.+"
    assert re.fullmatch(versions, lines[2])
    assert lines[3].endswith("target: local, options: --config ... --target local --full --max-errors 3")
    assert lines[4] == "Traceback (most recent call last):"
    assert lines[-1] == r"ZeroDivisionError: no number \x1b[31m"


def test_no_secret_and_no_value_of_dwh_cfg_is_in_it(folder):
    folder.set("db_user", "canary_user")
    secrets = folder.cfg.with_name(".env")
    secrets.write_text(f"KEY={KEY}\nSECRET={SECRET}\nDB_PASSWORD={PASSWORD}\n")
    secrets.chmod(0o600)

    def quoting(step):
        settings = step.settings
        raise ValueError(f"{settings.key} {settings.secret} {settings.db_password} do not fit")

    code, _, err = stopped(folder.cfg, quoting)
    assert code == 1
    assert err.endswith("ValueError: **** **** **** do not fit\n")
    for hidden in (KEY, SECRET, PASSWORD, "canary_user", str(folder.folder)):
        assert hidden not in err


def test_a_path_that_was_given_is_not_shown(folder):
    _, _, err = stopped(folder.cfg, bug, "--data", "/home/ada", build_parser=create_cluster.build_parser)
    assert "options: --config ... --data ...\n" in err
    assert "/home/ada" not in err


def test_while_the_secrets_are_not_known_the_words_of_the_error_stay_out(folder, monkeypatch):
    def fail(*_, **__):
        raise ValueError(f"cannot make sense of {SECRET}")

    monkeypatch.setattr(config, "load", fail)
    code, _, err = stopped(folder.cfg, bug)
    assert code == 1
    assert "target: not known" in err
    assert err.endswith("\nValueError\n")
    assert SECRET not in err


def test_a_process_ends_with_it(folder):
    """As a user meets it: the package of the step itself is broken."""
    broken = folder.folder / "sitecustomize.py"
    broken.write_text("import dwh.config\n\ndef load(*_, **__):\n    raise KeyError('x')\n\ndwh.config.load = load\n")
    ran = folder.step("etl", PYTHONPATH=f"{folder.folder}:{ROOT}")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error: etl.py stopped with an error that it does not know\nhint: ")
    assert ran.err.endswith("\nKeyError\n")


# --- Where a setting is from ---


def said(ran):
    return dict(re.findall(r"^(\[\w+\] \w+|KEY|SECRET|DB_PASSWORD) (.+)$", ran.err, re.MULTILINE))


def test_verbose_says_where_each_setting_is_from(folder, monkeypatch):
    folder.set("db_name", "canary")
    folder.cfg.with_name(".env").write_text(f"KEY={KEY}\nSECRET={SECRET}\n")
    monkeypatch.setenv("KEY", f"{KEY}2")
    ran = run_main("etl", ["--config", str(folder.cfg), "--target", "local", "-v"])
    settings = said(ran)
    assert settings["[TARGET] target"] == "= local (--target)"
    assert settings["[CLUSTER] db_name"] == "= canary (dwh.cfg)"
    assert settings["[CLUSTER] encryption_key"] == "is empty (default)"
    assert settings["KEY"] == "= **** (environment)"
    assert settings["SECRET"] == "= **** (.env)"
    assert settings["DB_PASSWORD"] == "is not set"
    assert len(settings) == len(config.KEYS) + 3
    assert KEY not in ran.err
    assert SECRET not in ran.err


@pytest.mark.parametrize(
    ("options", "written", "expected"),
    [
        ([], "auto", "= local (dwh.cfg, auto)"),
        ([], "local", "= local (dwh.cfg)"),
        (["--target", "auto"], "local", "= local (--target, auto)"),
    ],
)
def test_it_says_how_the_target_was_chosen(folder, options, written, expected):
    folder.set("target", written)
    assert said(run_main("etl", ["--config", str(folder.cfg), "-v", *options]))["[TARGET] target"] == expected


def test_without_verbose_it_says_nothing_of_it(folder):
    assert said(run_main("etl", ["--config", str(folder.cfg)])) == {}
