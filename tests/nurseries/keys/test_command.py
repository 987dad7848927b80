"""Keys from the command line, on a real file."""

import json
from contextlib import closing

import pytest

from agent import log as logs
from agent.config import Settings
from agent.providers.sqlite_access import SqliteAccess
from nurseries.main import run


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    for name in [*Settings.model_fields, "NODE_ENV"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logs, "configure", lambda *_, **__: None)  # it would stay for all that follows
    return tmp_path


def said(capsys, *arguments: str) -> tuple[int, str, str]:
    code = run(["keys", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_key_is_made_listed_and_revoked(capsys, folder) -> None:
    code, shown, told = said(capsys, "create", "--name", "the CRM", "--scope", "read", "--expires", "30")
    key_id = shown[3:11]
    assert code == 0
    assert shown.startswith("ca_")
    assert key_id in told
    assert shown.strip()[12:] not in told

    _, listed, _ = said(capsys, "list")
    assert listed.split()[:2] == [key_id, "read"]
    assert "the CRM" in listed
    assert "used never  valid until" in listed

    code, _, told = said(capsys, "revoke", shown.strip())
    assert code == 0
    assert shown.strip()[12:] not in told
    with closing(SqliteAccess(folder / "data" / "access.db")) as store:
        (kept,) = store.keys()
    assert kept.revoked_at is not None

    _, listed, _ = said(capsys, "list", "--json")
    told_of = json.loads(listed)
    assert told_of["state"] == "revoked"
    assert "digest" not in told_of


def test_as_json_a_key_is_shown_too(capsys) -> None:
    _, out, err = said(capsys, "create", "--name", "x", "--scope", "admin", "--json")

    assert json.loads(out)["key"].startswith(f"ca_{json.loads(out)['key_id']}_")
    assert err == ""


def test_there_is_no_such_key(capsys, folder) -> None:
    code, _, told = said(capsys, "revoke", "ca_abcdefgh_" + "0" * 64)
    assert (code, told) == (1, "calling-agent: there is no key abcdefgh.\n")
    assert "no key yet" in said(capsys, "list")[2]
    assert not (folder / "data").exists()
    said(capsys, "create", "--name", "x", "--scope", "read")
    assert said(capsys, "revoke", "nobody")[0] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("--name", "", "--scope", "read"),
        ("--name", "two\nlines", "--scope", "read"),
        ("--name", "x", "--scope", "everything"),
        ("--name", "x", "--scope", "read", "--expires", "0"),
        ("--name", "x", "--scope", "read", "--expires", "-1"),
        ("--name", "x"),
    ],
)
def test_what_cannot_be_used_is_refused(capsys, folder, arguments) -> None:
    with pytest.raises(SystemExit) as refused:
        said(capsys, "create", *arguments)

    assert refused.value.code == 2
    assert not (folder / "data").exists()
