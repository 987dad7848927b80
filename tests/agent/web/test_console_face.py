"""The console's files, as a browser takes them."""

import hashlib
import re
from importlib.resources import files
from pathlib import PurePosixPath

import pytest

from tests.agent.web.test_keys_face import HERE, Ring

STATIC = files("agent.web.console") / "static"
OURS = [path for path in STATIC.rglob("*") if path.suffix in {".js", ".html", ".css"} and "vendor" not in path.parts]


@pytest.fixture
def ring() -> Ring:
    return Ring()


@pytest.fixture
def built(house, ring):
    made, _ = house(keys=ring, APP_ENV="production", PUBLIC_URL=HERE, TWILIO_SIGNATURE="require")
    return made


async def test_the_page_is_open_to_all_and_kept_for_nobody(built):
    answer = await built.client.get("/")

    assert answer.status_code == 200
    assert answer.content_type == "text/html; charset=utf-8"
    assert "<title>Calling Agent</title>" in (await answer.get_data()).decode()
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "script-src 'self';" in answer.headers["Content-Security-Policy"]


async def test_a_browser_that_has_the_newest_is_told_so(built):
    first = await built.client.get("/console/main.js")
    again = await built.client.get("/console/main.js", headers={"If-None-Match": first.headers["ETag"]})

    assert first.content_type == "text/javascript; charset=utf-8"
    assert (again.status_code, await again.get_data()) == (304, b"")
    proxied = {"If-None-Match": f"W/{first.headers['ETag']}"}  # a proxy that compresses has made it a weak one
    assert (await built.client.get("/console/main.js", headers=proxied)).status_code == 304


@pytest.mark.parametrize("path", ["nothing.js", "../files.py", "..%2Ffiles.py", "vendor/SHA256SUMS", "vendor", ""])
async def test_there_is_nothing_else(built, path):
    answer = await built.client.get(f"/console/{path}")
    assert answer.status_code == 404


async def test_what_the_server_can_do_is_told_to_who_may_read(built, ring):
    assert (await built.client.get("/api/about")).status_code == 401
    answer = await built.client.get("/api/about", headers={"Authorization": f"Bearer {ring.make('read')}"})
    told = await answer.get_json()

    assert told["agent"] == "Priya"
    assert not told["development"]
    assert not told["calls_out"]


def test_the_libraries_are_as_their_digests_say():
    """`ops/console/vendor` writes both."""
    for line in (STATIC / "vendor" / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((STATIC / "vendor" / name).read_bytes()).hexdigest() == digest, name


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_what_a_file_asks_for_is_there_and_nothing_of_it_is_inline(path):
    text = path.read_text()
    for asked in re.findall(r"""(?:from|import\()\s*"(\.[^"]+)\"""", text):
        assert (path.parent / asked).resolve().is_file(), asked
    for asked in re.findall(r"""(?:src|href)="(console/[^"]+)\"""", text):
        assert (STATIC / PurePosixPath(asked).relative_to("console")).is_file(), asked
    if path.suffix == ".html":
        assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", text)
    assert not re.search(r"https?://(?!www\.w3\.org/)", text), "works where nothing else is reached"
