"""The state folder: closed to others whatever the umask, and what is not ours in it is refused."""

# ruff: noqa: F811 - the fixtures are imported by the name under which they are asked for
from __future__ import annotations

import os
import shutil
import signal
import stat
from pathlib import Path

import pytest
from launcher_fixtures import BUCKET, Place, create, gone, place, wait_for  # noqa: F401

from dwh.errors import TargetError
from dwh.local.redshift import homes, processes

OTHER = 61_000  # an id that no user has
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give files to another user")
FOREIGN = ("launcher.json", "launcher.lock", "launcher.log", "data.json", "clusters", "sample", "launcher.json.new")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask():
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


@pytest.mark.parametrize("mask", [0o000, 0o002, 0o022, 0o077])
def test_it_is_closed_whatever_the_umask(place, umask, mask):
    umask(mask)
    place.target(data_dir=None).start()
    umask(0o022)
    assert mode(place.state) == 0o700
    assert mode(place.state / "launcher.json") & 0o177 == 0
    assert mode(place.state / "clusters") & 0o077 == 0


@pytest.mark.parametrize("step", ["describe", "start", "client"])
def test_one_that_is_ours_but_open_is_closed_again(place, step):
    target = place.target()
    target.start()
    place.state.chmod(0o777)
    {"describe": target.describe, "start": target.start, "client": lambda: target.client("s3")}[step]()
    assert mode(place.state) == 0o700


def refusals(target):
    """Everything that a step does with the target."""
    return (target.describe, target.start, lambda: target.client("s3"), target.connect, target.stop)


def refused_everywhere(place, match):
    for call in refusals(place.target()):
        with pytest.raises(TargetError, match=match) as error:
            call()
        assert "left alone" in error.value.message
        assert error.value.hint


def test_a_link_in_its_place_is_not_followed(place):
    elsewhere = place.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "launcher.json").write_text("{}")
    place.state.symlink_to(elsewhere)
    refused_everywhere(place, "is a link")
    assert [path.name for path in elsewhere.iterdir()] == ["launcher.json"]
    assert mode(elsewhere) == 0o755
    place.state.unlink()


@pytest.mark.parametrize("name", FOREIGN)
def test_a_link_in_it_is_not_followed(place, name):
    precious = place.folder / "precious"
    precious.mkdir()
    (precious / "data").write_text("kept")
    place.state.mkdir()
    (place.state / "launcher.lock").touch()
    (place.state / name).unlink(missing_ok=True)
    for leads_to in (precious, precious / "data"):
        (place.state / name).symlink_to(leads_to)
        refused_everywhere(place, f"{name} is a link")
        (place.state / name).unlink()
    assert (precious / "data").read_text() == "kept"


def test_a_file_with_a_second_name_is_not_written_to(place):
    precious = place.folder / "precious"
    precious.write_text("kept")
    place.state.mkdir()
    os.link(precious, place.state / "launcher.log")
    refused_everywhere(place, "launcher.log has a second name")
    assert precious.read_text() == "kept"
    shutil.rmtree(place.state)


@as_root
@pytest.mark.parametrize("name", [None, *FOREIGN])
def test_what_belongs_to_another_user_is_refused_and_stays(place, name):
    place.state.mkdir(0o777)
    theirs = place.state / name if name else place.state
    if name in ("clusters", "sample"):
        theirs.mkdir()
        (theirs / "kept").touch()
    elif name:
        theirs.write_text("{}")
    os.chown(theirs, OTHER, OTHER)
    refused_everywhere(place, f"{theirs.name} belongs to the user of id {OTHER}")
    assert theirs.exists()
    assert theirs.stat().st_uid == OTHER
    shutil.rmtree(place.state)


@as_root
def test_a_launcher_that_another_user_poses_as_is_not_asked(place):
    place.target().start()
    state = place.state / "launcher.json"
    text = state.read_text()
    os.chown(state, OTHER, OTHER)
    with pytest.raises(TargetError, match=r"launcher\.json belongs to"):
        place.target().client("s3")
    os.chown(state, 0, 0)
    assert state.read_text() == text
    assert place.target().client("s3").list_buckets()["Buckets"][0]["Name"] == BUCKET


def test_another_folder_in_its_place_is_not_taken_for_it(place):
    """A folder of ours that somebody moved there, where others may write to the project's folder."""
    place.state.mkdir(0o755)
    for name in ("thesis.txt", "sample.txt"):
        (place.state / name).write_text("kept")
    (place.state / "clusters" / "one").mkdir(parents=True)
    refused_everywhere(place, "was not made by the local target")
    assert (place.state / "thesis.txt").read_text() == "kept"
    assert mode(place.state) == 0o755
    shutil.rmtree(place.state)


def test_what_a_person_keeps_in_it_goes_with_it(place):
    place.target().start()
    (place.state / "notes.txt").touch()
    place.target().start()
    place.target().stop()
    assert not place.state.exists()


def test_a_file_in_its_place_is_said(place):
    place.state.touch()
    for call in refusals(place.target()):
        with pytest.raises(TargetError, match=r"\.local cannot be opened: Not a directory"):
            call()
    place.state.unlink()


@pytest.mark.parametrize(("bits", "warned"), [(0o777, True), (0o1777, False), (0o775, False), (0o755, False)])
def test_a_project_that_everybody_may_write_to_is_said(place, bits, warned):
    place.folder.chmod(bits)
    target = place.target()
    target.start()
    assert ("every user of this machine may change the files in" in target._console.err.getvalue()) == warned
    place.folder.chmod(0o755)


# --- the databases of a killed launcher ---


def killed(place):
    """A project whose launcher was killed; the home of its database."""
    place.target().start()
    create(place.target())
    os.kill(place.launcher(), signal.SIGKILL)
    wait_for(lambda: gone(place.launcher()))
    (home,) = (place.state / "clusters").iterdir()
    return home


def test_a_place_that_leads_elsewhere_is_neither_followed_nor_removed(place):
    home = killed(place)
    named = home / "place"
    before = named.read_text() if named.exists() else None
    precious = place.folder / "precious"
    precious.mkdir()
    (precious / "kept").touch()
    (precious / "data").mkdir()
    neighbour = Path("/var/tmp") / f"sparkify-postgres-{home.stat().st_ino + 1}-x"
    neighbour.mkdir()
    try:
        for victim in (precious, "/", "..", "/var/tmp", neighbour, f"{neighbour}/../../{precious}", "\0", " "):
            named.write_text(f"{victim}\n")
            for step in (place.target().start, place.target().stop):
                with pytest.raises(TargetError, match="was not made by the local target") as error:
                    step()
                assert error.value.hint
        named.unlink()
        named.symlink_to(precious / "kept")
        with pytest.raises(TargetError, match="was not made by the local target"):
            place.target().stop()
        assert (precious / "kept").exists()
        assert neighbour.exists()
    finally:
        neighbour.rmdir()
    named.unlink()
    if before:
        named.write_text(before)
    place.target().stop()
    assert not place.state.exists()
    assert (precious / "kept").exists()


def test_a_folder_among_the_databases_that_is_none_is_not_removed(place):
    home = killed(place)
    thesis = home.with_name("thesis")
    thesis.mkdir()
    (thesis / "data").mkdir()
    (thesis / "chapter").touch()
    for step in (place.target().start, place.target().stop):
        with pytest.raises(TargetError, match="thesis was not made by the local target"):
            step()
    assert (thesis / "chapter").exists()
    shutil.rmtree(thesis)
    outside = place.folder / "outside"
    outside.mkdir()
    thesis.symlink_to(outside)
    with pytest.raises(TargetError, match="thesis was not made by the local target"):
        place.target().stop()
    assert outside.exists()
    thesis.unlink()


@as_root
def test_a_home_of_another_user_is_not_removed(place):
    home = killed(place)
    theirs = home.with_name("theirs")
    theirs.mkdir()
    os.chown(theirs, OTHER, OTHER)
    with pytest.raises(TargetError, match="theirs was not made by the local target"):
        place.target().stop()
    assert theirs.exists()
    theirs.rmdir()


@as_root
def test_a_copy_of_the_project_does_not_take_the_originals_database_down(place, tmp_path):
    place.target().start()
    create(place.target())
    database = place.database()
    copied = tmp_path / "copy"
    copied.mkdir()
    shutil.copytree(place.state, copied / ".local")
    shutil.copy(place.folder / "dwh.cfg", copied)
    other = Place.__new__(Place)
    other.folder, other.state, other.data = copied, copied / ".local", place.data
    with pytest.raises(TargetError, match="was not made by the local target"):
        other.target().stop()
    assert not gone(database)


def test_a_removal_that_was_cut_off_goes_on(place):
    home = killed(place)
    found = homes.place_of(home)
    processes.stop(place.database(), found / "data", processes.SHORT)
    (found / "data" / "PG_VERSION").unlink()
    shutil.rmtree(found / "data" / "base")
    place.target().stop()
    assert not place.state.exists()
    assert not found.exists()


def test_a_project_that_was_moved_is_cleared_up(place):
    home = killed(place)
    orphan = place.database()
    moved = place.folder / "moved"
    moved.mkdir()
    place.state.rename(moved / ".local")
    shutil.copy(place.folder / "dwh.cfg", moved)
    other = Place.__new__(Place)
    other.folder, other.state, other.data = moved, moved / ".local", place.data
    other.target().stop()
    assert not (moved / ".local").exists()
    if os.geteuid() == 0:
        assert gone(orphan)
    else:  # an ordinary user's database does not know where its files have gone
        os.kill(orphan, signal.SIGKILL)
    assert not home.exists()


@as_root
def test_files_of_roots_databases_lie_where_their_user_alone_can_reach_them(place):
    place.target().start()
    create(place.target())
    (home,) = (place.state / "clusters").iterdir()
    found = homes.place_of(home)
    assert mode(found) == 0o700
    assert found.stat().st_uid not in (0, os.geteuid())
    assert home.stat().st_uid == 0
