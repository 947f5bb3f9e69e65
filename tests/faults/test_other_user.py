"""Another user of the machine, and a web page, get nothing: the attempts of other_user.py, as a test."""

from __future__ import annotations

import os
from pathlib import Path

import other_user
import pytest
from project import slow

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user of the machine")


@slow
@pytest.mark.parametrize("account", ["root", "nobody"])
def test_another_user_gets_nothing(servers, account):
    if account not in list(other_user.accounts()):
        pytest.skip("an ordinary user cannot reach this project, or its Python")
    found = list(other_user.attempts(account))
    assert len(found) > 200
    assert [pair for pair in found if pair[1] != other_user.NOTHING] == []


def test_the_project_is_open_to_everybody_in_it():
    """Else it would be no wonder."""
    worker = other_user.Worker("root")
    try:
        assert other_user.as_other(other_user.free_id(), lambda: (worker.folder / "mine").touch() or "done") == "done"
        assert Path(worker.folder / "mine").exists()
    finally:
        worker.remove()
