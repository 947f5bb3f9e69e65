"""What a person gets when dwh.cfg or .env is not as it should be."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from pristine import put_cfg
from project import STEPS, without_powers

from dwh import config, keys
from dwh.errors import ConfigError

ROOT = Path(__file__).parent.parent


@pytest.fixture
def cfg(tmp_path):
    return put_cfg(tmp_path)


def change(cfg, old, new):
    text = cfg.read_text()
    assert old in text
    cfg.write_text(text.replace(old, new))


def problems(cfg, target=None, **environ):
    with pytest.raises(ConfigError) as caught:
        config.load(cfg, target, environ)
    assert caught.value.exit_code == 2
    assert caught.value.hint
    return caught.value.detail or caught.value.message


def test_the_shipped_file_is_valid_and_means_local(cfg):
    settings = config.load(cfg, environ={})
    assert settings.target == "local"
    assert settings.db_port == 5439
    assert settings.log_data == "s3://udacity-dend/log_data/"
    assert settings.state_dir == cfg.parent / ".local"


def test_every_spelling_of_the_folder_has_the_same_state(cfg, tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    (tmp_path / "link").symlink_to(cfg.parent)
    monkeypatch.chdir(tmp_path / "sub")
    for spelling in ("../dwh.cfg", "../link/dwh.cfg", tmp_path / "link" / "link" / "sub" / ".." / "dwh.cfg"):
        settings = config.load(spelling, environ={})
        assert settings.state_dir == tmp_path.resolve() / ".local"
        assert settings.path == tmp_path / "sub" / spelling  # messages name the file as the user does


def test_every_row_of_keys_stands_in_the_shipped_file(cfg):
    parser = config._parse_file(cfg)
    there = {(section, option) for section in parser.sections() for option in parser.options(section)}
    assert there == {(key.section, key.option) for key in keys.KEYS}


def test_no_file(tmp_path):
    assert "there is no configuration file" in problems(tmp_path / "dwh.cfg")


def test_all_problems_come_in_one_message(cfg):
    change(cfg, "node_type = ra3.large", "node_type =")
    change(cfg, "db_port = 5439", "db_port = http")
    change(cfg, "region = us-west-2\n\n[CLUSTER]", "\n[CLUSTER]")
    change(cfg, "song_data = s3://", "song_data = ")
    text = problems(cfg)
    assert "[CLUSTER] node_type is empty" in text
    assert "[CLUSTER] db_port must be" in text
    assert "[AWS] region is missing" in text
    assert "[S3] song_data must be" in text
    assert len(text.splitlines()) == 4


def test_a_missing_section_is_named_once_with_what_was_meant(cfg):
    change(cfg, "[CLUSTER]", "[Cluster]")
    text = problems(cfg)
    assert text.count("section [CLUSTER] is missing") == 1
    assert "section [Cluster] is not known; did you mean CLUSTER?" in text


def test_an_unknown_key_gets_a_suggestion(cfg):
    change(cfg, "number_of_nodes = 1", "number_of_node = 1")
    assert "[CLUSTER] number_of_node is not known; did you mean number_of_nodes?" in problems(cfg)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("db_name = 'sparkify'", "without quotes"),
        ("db_name = sparkify # the database", "comment"),
        ("db_name = sparkify\n  and more", "indented line"),
        ("db_name = dev", "not the default dev"),
        ("db_name = Sparkify", "lower-case"),
    ],
)
def test_values_that_configparser_would_keep_silently(cfg, line, expected):
    change(cfg, "db_name = sparkify", line)
    assert expected in problems(cfg)


@pytest.mark.parametrize(
    "access", ["0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "8000::/1", "everyone", "10.0.0.1/8"]
)
def test_access_is_never_wide(cfg, access):
    change(cfg, "access = my-ip", f"access = {access}")
    assert "[CLUSTER] access" in problems(cfg)


@pytest.mark.parametrize(("access", "kept"), [("203.0.113.7/32", "203.0.113.7/32"), ("private", "private")])
def test_access_that_is_taken(cfg, access, kept):
    change(cfg, "access = my-ip", f"access = {access}")
    assert config.load(cfg, environ={}).access == kept


@pytest.mark.parametrize("name", ["awsuser", "admin", "public", "9lives", "a-b"])
def test_the_admin_name_is_checked(cfg, name):
    change(cfg, "db_user = sparkify_admin", f"db_user = {name}")
    assert "[CLUSTER] db_user" in problems(cfg)


def test_node_type_and_count_must_go_together(cfg):
    change(cfg, "node_type = ra3.large", "node_type = ra3.4xlarge")
    assert "number_of_nodes must be 2 to 32 for ra3.4xlarge" in problems(cfg)


def test_a_percent_sign_is_a_percent_sign(cfg):
    cfg.with_name(".env").write_text("DB_PASSWORD=50%(off)s\nKEY=a%b\nSECRET=c%%d\n")
    settings = config.load(cfg, environ={})
    assert (settings.db_password, settings.key, settings.secret) == ("50%(off)s", "a%b", "c%%d")


def test_a_percent_sign_in_dwh_cfg_is_no_interpolation(cfg):
    change(cfg, "s3://udacity-dend/song_data/", "s3://udacity-dend/song%(data)s/")
    assert "[S3] song_data must be" in problems(cfg)


def test_twice_the_same_key(cfg):
    change(cfg, "db_name = sparkify", "db_name = sparkify\ndb_name = other")
    assert "db_name" in problems(cfg)


def test_a_byte_order_mark_and_windows_lines_are_fine(cfg):
    cfg.write_bytes(b"\xef\xbb\xbf" + cfg.read_bytes().replace(b"\n", b"\r\n"))
    assert config.load(cfg, environ={}).db_name == "sparkify"


def test_a_prefix_ends_with_a_slash(cfg):
    change(cfg, "log_data = s3://udacity-dend/log_data/", "log_data = s3://udacity-dend/log_data")
    assert config.load(cfg, environ={}).log_data == "s3://udacity-dend/log_data/"


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ("KEY=abc\n", "KEY but no SECRET"),
        ("SECRET=abc\n", "SECRET but no KEY"),
        ("KEY=abc\nSECRET=\n", "KEY but no SECRET"),
        ('\n\nKEY="abc\nSECRET=abc\n', ".env, line 3: cannot be understood"),
        ("KEY='a b'\nSECRET=abc\n", "KEY holds a space"),
        ("KEY=“abc”\nSECRET=abc\n", "KEY holds a space, a line break or another character that is never in it"),
        ("KEY=abc\nSECRET=ab\u200bc\n", "SECRET holds a space, a line break or another character"),
    ],
)
def test_half_a_key_pair_and_broken_lines(cfg, env, expected):
    cfg.with_name(".env").write_text(env)
    assert expected in problems(cfg)


def test_both_keys_mean_aws_and_neither_is_shown(cfg):
    cfg.with_name(".env").write_text("KEY=canary-key\nSECRET=canary-secret${HOME}\n")
    settings = config.load(cfg, environ={})
    assert settings.target == "aws"
    assert settings.secret == "canary-secret${HOME}"
    assert "canary" not in repr(settings)


def test_the_jsonpaths_file_must_not_be_read_as_a_log(cfg):
    change(cfg, "s3://udacity-dend/log_json_path.json", "s3://udacity-dend/log_data/paths.json")
    assert "log_jsonpath lies under log_data" in problems(cfg)


def test_the_environment_wins_over_env_file(cfg):
    cfg.with_name(".env").write_text("KEY=old\nSECRET=old\n")
    assert config.load(cfg, environ={"KEY": "new", "SECRET": "new"}).key == "new"


def test_the_example_env_means_local(cfg):
    shutil.copy(ROOT / ".env.example", cfg.with_name(".env"))
    assert config.load(cfg, environ={}).target == "local"


def test_an_empty_key_does_not_fall_through_to_another_account(cfg):
    cfg.with_name(".env").write_text("KEY=\nSECRET=\n")
    assert "KEY is empty" in problems(cfg, "aws")


def test_aws_without_env_uses_boto3s_own_chain(cfg):
    assert config.load(cfg, "aws", {}).target == "aws"


def test_an_unknown_target(cfg):
    change(cfg, "target = auto", "target = azure")
    assert "[TARGET] target must be one of auto, local, aws" in problems(cfg)


def test_a_readable_env_is_warned_about(cfg):
    env = cfg.with_name(".env")
    env.write_text("")
    env.chmod(0o644)
    assert "chmod 600" in config.load(cfg, environ={}).warnings[0]
    env.chmod(0o600)
    assert config.load(cfg, environ={}).warnings == ()


# --- What wins over what ---


def test_an_option_wins_over_the_environment_that_over_env_and_that_over_dwh_cfg(cfg):
    env = cfg.with_name(".env")
    env.touch(mode=0o600)
    arguments, kept = {"environ": {}}, config.load(cfg, environ={})
    assert (kept.region, kept.origins["region"]) == ("us-west-2", "dwh.cfg")
    env.write_text("DWH_REGION=eu-west-1\nDWH_NUMBER_OF_NODES=2\nDWH_S3_REGION=\n")
    from_env = config.load(cfg, environ={})
    assert (from_env.region, from_env.origins["region"]) == ("eu-west-1", ".env")
    assert (from_env.number_of_nodes, from_env.s3_region, from_env.warnings) == (2, "us-west-2", ())
    arguments["environ"] = {"DWH_REGION": "eu-west-2", "DWH_TARGET": "aws"}
    from_environment = config.load(cfg, **arguments)
    assert (from_environment.region, from_environment.origins["region"]) == ("eu-west-2", "environment")
    assert (from_environment.target, from_environment.origins["target"]) == ("aws", "environment")
    from_option = config.load(cfg, "local", region="eu-west-3", **arguments)
    assert (from_option.region, from_option.origins["region"]) == ("eu-west-3", "--region")
    assert (from_option.target, from_option.origins["target"]) == ("local", "--target")


def test_every_key_has_a_variable_of_its_own(cfg):
    assert len(config.VARIABLES) == len(keys.KEYS)
    assert {"DWH_ENDPOINT", "DWH_ARN_ROLE", "DWH_REGION", "DWH_S3_REGION", "DWH_NODE_TYPE"} <= set(config.VARIABLES)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"region": "Oregon"}, "--region must be an AWS region such as us-west-2; it is 'Oregon'"),
        (
            {"environ": {"DWH_NODE_TYPE": "dc2.large"}},
            "DWH_NODE_TYPE (environment) must be one of ra3.large, ra3.xlplus, ra3.4xlarge, ra3.16xlarge, rg.large, "
            "rg.xlarge, rg.4xlarge, rg.12xlarge; it is 'dc2.large'",
        ),
        ({"profile": "work", "target": "local"}, "--profile is for AWS, and the target is local: leave it out, or"),
        ({"env_file": "other.env"}, "there is no file "),
    ],
)
def test_a_wrong_value_is_named_with_its_place(cfg, arguments, said):
    with pytest.raises(ConfigError) as caught:
        config.load(cfg, **({"environ": {}} | arguments))
    assert caught.value.detail.startswith(said)


def test_a_misspelt_variable_is_named(cfg):
    settings = config.load(cfg, environ={"DWH_NODETYPE": "x"})
    assert settings.warnings == ("DWH_NODETYPE in the environment is not known; did you mean DWH_NODE_TYPE?",)
    cfg.with_name(".env").write_text("DWH_NODETYPE=x\n")
    assert problems(cfg) == ".env, line 1: DWH_NODETYPE is not known; did you mean DWH_NODE_TYPE?"


def test_a_profile_takes_the_place_of_key_and_secret(cfg):
    cfg.with_name(".env").write_text("KEY=old\nDB_PASSWORD=kept\n")
    settings = config.load(cfg, environ={"SECRET": ""}, profile="work")
    assert (settings.target, settings.profile, settings.key, settings.secret) == ("aws", "work", None, None)
    assert settings.db_password == "kept"


def test_another_env_file_is_read_in_its_place(cfg, tmp_path):
    cfg.with_name(".env").write_text("KEY=a\nSECRET=b\n")
    other = tmp_path / "other.env"
    other.write_text("DWH_TARGET=local\nDB_PASSWORD=c\n")
    settings = config.load(cfg, environ={}, env_file=other)
    assert (settings.target, settings.key, settings.db_password) == ("local", None, "c")
    assert settings.origins["DB_PASSWORD"] == "other.env"


def test_the_options_reach_every_step_and_verbose_says_where_each_is_from(folder):
    (folder.folder / "own.env").write_text("DWH_LOCK_TIMEOUT=7\n")
    ran = folder.step("etl", "-v", "--env-file", "own.env", "--region", "eu-west-1", DWH_DB_NAME="other")
    for said in (
        "[AWS] region = eu-west-1 (--region)",
        "[WAREHOUSE] lock_timeout = 7 (own.env)",
        "[CLUSTER] db_name = other (environment)",
    ):
        assert f"{said}\n" in ran.err
    refused = folder.step("create_cluster", "--profile", "no-such-profile-anywhere")
    assert (refused.code, "error: the AWS profile does not exist" in refused.err) == (1, True)


# --- Names in .env that nothing reads ---

CANARY = "canaryValue1"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("KEYY", "KEYY is not known; did you mean KEY?"),
        ("key", "key is not known; did you mean KEY?"),
        ("SECRT", "SECRT is not known; did you mean SECRET?"),
        ("Secret", "Secret is not known; did you mean SECRET?"),
        ("DB_PASWORD", "DB_PASWORD is not known; did you mean DB_PASSWORD?"),
        ("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID is not known; did you mean KEY?"),
        ("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY is not known; did you mean SECRET?"),
        ("aws_secret_access_key", "aws_secret_access_key is not known; did you mean SECRET?"),
        ("AWS_ACCES_KEY_ID", "AWS_ACCES_KEY_ID is not known; did you mean KEY?"),
        ("export SECRET_KEY", "SECRET_KEY is not known; did you mean SECRET?"),
        ("AWS_SESSION_TOKEN", "AWS_SESSION_TOKEN is not read from .env; set it in the environment"),
        ("AWS_CONFIG_FILE", "AWS_CONFIG_FILE is not read from .env; set it in the environment"),
        (
            "AWS_PROFILE",
            "AWS_PROFILE is not read from .env; set it in the environment, and use --target aws; or give --profile",
        ),
        ("AWS_REGION", "AWS_REGION is not read from .env; the region is in dwh.cfg, under [AWS], or DWH_REGION"),
        (
            "aws_default_region",
            "aws_default_region is not read from .env; the region is in dwh.cfg, under [AWS], or DWH_REGION",
        ),
    ],
)
def test_a_name_that_looks_like_a_key_does_not_quietly_mean_local(cfg, name, said):
    env = cfg.with_name(".env")
    env.write_text(f"# a comment\n\n{name}={CANARY}\n")
    env.chmod(0o600)
    for target in (None, "aws"):
        assert problems(cfg, target) == f".env, line 3: {said}"
    # Asked for by name, or with the pair that is needed, it is what was meant.
    assert config.load(cfg, "local", {}).warnings == (f".env, line 3: {said}",)
    both = config.load(cfg, environ={"KEY": "a", "SECRET": "b"})
    assert (both.target, both.warnings) == ("aws", (f".env, line 3: {said}",))


def test_a_variable_of_awss_that_is_in_the_environment_too_is_in_force(cfg):
    """direnv and the like put what is in .env into the environment, where boto3 finds it."""
    env = cfg.with_name(".env")
    env.write_text("AWS_PROFILE=work\n")
    env.chmod(0o600)
    settings = config.load(cfg, "aws", {"AWS_PROFILE": "work"})
    assert (settings.target, settings.warnings) == ("aws", ())
    with pytest.raises(ConfigError):
        config.load(cfg, environ={"AWS_PROFILE": "work"})


def test_half_a_pair_and_what_was_meant_come_together(cfg):
    cfg.with_name(".env").write_text("KEY=abc\nSECRT=abc\n")
    text = problems(cfg)
    assert "did you mean SECRET?" in text
    assert ".env has KEY but no SECRET" in text


@pytest.mark.parametrize("lines", ["KEY=a\nSECRET=b\nKEY=\nSECRET=\n", "KEY=\nSECRET=\nKEY=a\nSECRET=b\n"])
def test_empty_lines_of_the_example_do_not_undo_the_others(cfg, lines):
    cfg.with_name(".env").write_text(lines)
    settings = config.load(cfg, environ={})
    assert (settings.target, settings.key, settings.secret) == ("aws", "a", "b")


def test_two_values_for_a_key_are_named(cfg):
    cfg.with_name(".env").write_text(f"KEY=a\nSECRET=b\nKEY={CANARY}\n")
    assert problems(cfg) == ".env, line 3: KEY is there a second time"


def test_other_tools_names_are_warned_about_in_one_line(cfg):
    env = cfg.with_name(".env")
    others = "DATABASE_URL", "DB_PORT", "USER", "POSTGRES_PASSWORD", "JWT_SECRET", "OPENAI_API_KEY", "KYE"
    env.write_text("".join(f"{name}={CANARY}\n" for name in (*others, "USER")))
    env.chmod(0o600)
    settings = config.load(cfg, environ={})
    assert settings.target == "local"
    known = "KEY, SECRET, DB_PASSWORD and DWH_* settings"
    assert settings.warnings == (f".env is read only for {known}, not for {', '.join(others)}",)


@pytest.mark.parametrize(
    "line",
    [
        CANARY,
        "KEY",
        f"{CANARY}/abc+def=",
        f"AKIA{CANARY.upper()}={CANARY}",
        f"{CANARY}AndFurtherOnToFortyCharactersAsASecretHas=",
        f"'{CANARY} abc'=x",
        f"KEY {CANARY}",
        f"KEY: {CANARY}",
    ],
)
def test_a_key_that_was_pasted_without_a_name_is_not_shown(cfg, line):
    cfg.with_name(".env").write_text(f"{line}\n")
    text = problems(cfg)
    assert text.startswith(".env, line 1: ")
    assert CANARY.lower() not in text.lower()


# --- Files in states of every kind ---


def directory(path):
    path.mkdir()


def dangling(path):
    path.symlink_to(path.with_name("nowhere"))


def loop(path):
    path.symlink_to(path)


def pipe(path):
    os.mkfifo(path)


def latin(path):
    path.write_bytes(b"KEY=caf\xe9canaryValue1\n")


def utf16(path):
    path.write_text("KEY=canaryValue1\n", encoding="utf-16")


def with_nul(path):
    path.write_text("KEY=canaryValue1\0\n")


def unreadable(path):
    path.write_text("KEY=canaryValue1\n")
    path.chmod(0)


STATES = {
    directory: "cannot be read: Is a directory",
    dangling: "is a link to ",
    loop: "cannot be read: Too many levels of symbolic links",
    latin: "cannot be read: it is not UTF-8 text",
    utf16: "cannot be read: it is not UTF-8 text",
    with_nul: "cannot be read: it has a NUL byte in it",
    unreadable: "cannot be read: Permission denied",
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("state", [*STATES, pipe])
def test_an_env_that_cannot_be_read_is_named_by_every_step(folder, step, state):
    state(folder.folder / ".env")
    ran = folder.step(step, preexec_fn=without_powers)
    assert (ran.code, ran.out) == (2, "")
    said = "is not a file" if state in (directory, pipe) else STATES[state]
    assert f"error: 1 problem in the configuration\n  .env {said}" in ran.err
    check_telling(ran.err)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("state", STATES)
def test_a_dwh_cfg_that_cannot_be_read_is_named_by_every_step(folder, step, state):
    folder.cfg.unlink()
    state(folder.cfg)
    ran = folder.step(step, preexec_fn=without_powers)
    assert (ran.code, ran.out) == (2, "")
    assert f"error: {folder.cfg} {STATES[state]}" in ran.err
    check_telling(ran.err)


def check_telling(text):
    """It has a next step, no traceback, and nothing of the file."""
    assert "\nhint: fix " in text
    for sign in ("Traceback", "canary", "Errno"):
        assert sign not in text


def test_verbose_shows_no_value_of_env_either(folder):
    for content in (b"KEY=caf\xe9canaryValue1\n", b"AWS_ACCESS_KEY_ID=canaryValue1\n", b'KEY="canaryValue1\n'):
        (folder.folder / ".env").write_bytes(content)
        ran = folder.step("etl", "--verbose")
        assert ran.code == 2
        assert "Traceback" in ran.err
        assert "canary" not in ran.err


@pytest.mark.parametrize("text", ["~nobodyofthatname/data", "~nobodyofthatname"])
def test_a_home_folder_that_is_not_there(folder, text):
    ran = folder.step("create_cluster", "--data", text)
    cfg = put_cfg(folder.folder)
    change(cfg, "data_dir =", f"data_dir = {text}")
    assert problems(cfg) == f"[LOCAL] data_dir begins with a home folder that is not there; it is {text}"
    assert ran.code == 2
    assert f"argument --data: '{text}' begins with a home folder that is not there" in ran.err
    assert "Traceback" not in ran.err


def test_a_home_that_is_not_set_is_looked_up(cfg, monkeypatch):
    change(cfg, "data_dir =", "data_dir = ~/data")
    monkeypatch.delenv("HOME")
    assert config.load(cfg, environ={}).data_dir == Path("~/data").expanduser()


@pytest.mark.parametrize("path", ["", ".", "/", "/dev/null", "/proc/self/mem", "x" * 5000, "dwh.cfg/x"])
def test_a_config_that_is_none(folder, path):
    ran = folder.step("etl", "--config", path)
    assert ran.code == 2
    assert ran.err.startswith("error: ")
    assert "Traceback" not in ran.err
