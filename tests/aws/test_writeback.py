"""dwh.cfg keeps all but the two values that are written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pristine import cfg_text, put_cfg

from dwh import writeback
from dwh.errors import ConfigError

ROOT = Path(__file__).parents[2]
VALUES = {"dwh_endpoint": "x.abc.us-west-2.redshift.amazonaws.com", "dwh_arn_role": "arn:aws:iam::123456789012:role/r"}


@pytest.fixture
def cfg(tmp_path):
    return put_cfg(tmp_path)


def template():
    return cfg_text()


def test_two_lines_change_and_no_other(cfg):
    before = writeback.write(cfg, VALUES)
    assert before == {"dwh_endpoint": "", "dwh_arn_role": ""}
    old, new = template().splitlines(), cfg.read_text().splitlines()
    changed = [(one, other) for one, other in zip(old, new, strict=True) if one != other]
    assert [other for _, other in changed] == [f"{key} = {value}" for key, value in VALUES.items()]


def test_cleared_again_it_is_the_file_that_it_was(cfg):
    writeback.write(cfg, VALUES)
    assert writeback.write(cfg, dict.fromkeys(VALUES, "")) == VALUES
    assert cfg.read_text() == template()


def test_the_same_values_do_not_touch_the_file(cfg):
    writeback.write(cfg, VALUES)
    written = cfg.stat()
    assert writeback.write(cfg, VALUES) == {}
    assert (cfg.stat().st_ino, cfg.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)


@pytest.mark.parametrize(
    "shape",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace("# ", "#   ").replace("[S3]", "# a blank at the end \n\n\n[S3]"),
    ],
)
def test_line_ends_and_byte_order_mark_stay(cfg, shape):
    cfg.write_text(shape(template()), encoding="utf-8", newline="")
    writeback.write(cfg, VALUES)
    writeback.write(cfg, dict.fromkeys(VALUES, ""))
    with cfg.open(encoding="utf-8", newline="") as stream:
        assert stream.read() == shape(template())


def test_mode_and_link_stay(cfg, tmp_path):
    cfg.chmod(0o640)
    link = tmp_path / "link.cfg"
    link.symlink_to(cfg)
    writeback.write(link, VALUES)
    assert link.is_symlink()
    assert cfg.stat().st_mode & 0o777 == 0o640
    assert VALUES["dwh_endpoint"] in cfg.read_text()


def test_a_failed_write_leaves_the_old_file_and_no_other(cfg, monkeypatch):
    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match="No space left on device") as raised:
        writeback.write(cfg, VALUES)
    assert raised.value.detail.splitlines() == [f"{key} = {value}" for key, value in VALUES.items()]
    assert cfg.read_text() == template()
    assert [path.name for path in cfg.parent.iterdir()] == ["dwh.cfg"]


@pytest.mark.parametrize("mode", [0o444, 0o400, 0o555])
def test_a_file_without_a_write_bit_is_read_only_for_everybody(cfg, mode):
    cfg.chmod(mode)
    with pytest.raises(ConfigError, match="is read-only"):
        writeback.check_writable(cfg)


def test_a_file_that_can_be_written_passes(cfg):
    writeback.check_writable(cfg)
