"""What lies between a parent and a worker, on a real pair of sockets; and the memory that they share."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import trio

from agent.workers import words
from nurseries.workers.hatch import Hatch, close, pair
from nurseries.workers.post import Post
from nurseries.workers.reaping import _children, reap_now
from nurseries.workers.shared import Shared

BOUND_S = 20.0


@pytest.fixture
def ends():
    one, other = map(Hatch, pair())
    yield one, other
    one.close()
    other.close()


async def test_words_and_files_arrive_in_order_and_files_as_copies(ends):
    one, other = ends
    file = os.memfd_create("something")
    assert one.put(words.Take(), file)
    assert await one.say(words.Leave(2))
    word, copy = await other.hear()
    assert word == words.Take()
    assert os.path.samestat(os.fstat(copy), os.fstat(file))
    assert not os.get_inheritable(copy)
    for each in (file, copy, -1):
        close(each)
    assert await other.hear() == (words.Leave(2), -1)


async def test_who_does_not_hear_holds_nobody_up_and_hears_all_later(ends):
    one, other = ends
    said = 0
    while one.put(words.Told(said)):
        said += 1
    with trio.move_on_after(0):
        await one.say(words.Closed())
    heard = [(await other.hear())[0].n for _ in range(said)]
    assert heard == list(range(said))
    assert await one.say(words.Closed())
    assert await other.hear() == (words.Closed(), -1)


async def test_the_end_is_heard_and_what_makes_no_sense_is_not():
    theirs, ours = pair()
    other = Hatch(ours)
    theirs.send(b'["Nonsense"]')
    theirs.send(words.encode(words.Take()))
    theirs.close()
    assert await other.hear() == (words.Take(), -1)
    assert await other.hear() is None
    assert not other.put(words.Take())
    assert not await other.say(words.Take())
    other.close()


def test_a_worker_without_a_parent_has_no_post():
    ours, theirs = pair()
    ours.close()
    assert Post.open(theirs) is None
    theirs.close()


def test_a_worker_has_the_board_and_the_charter_of_its_parent():
    ours, theirs = pair()
    shared = Shared.new(3)
    charter = words.Charter(1, 2, 3, 2, 3000, "seed", 4)
    Hatch(ours).put(charter, shared.file)
    with theirs, ours:
        post = Post.open(theirs)
        assert post.charter == charter
        assert post.name == "1"
        post.ready(1.0)
        assert shared.board.row(2).beat > 0


CLAIMS = """
import sys
from agent.workers.lines import SharedLines
from nurseries.workers.shared import Shared

file, row, most = map(int, sys.argv[1:])
shared = Shared(file, 4)
lines, mine = SharedLines(shared.board, row, shared.alone), set()
print(flush=True)
sys.stdin.readline()
for n in range(most):
    if lines.claim(f"CA{row}-{n}", (), mine, most):
        mine.add(f"CA{row}-{n}")
print(len(mine))
"""


def test_no_more_lines_are_claimed_at_the_same_moment_than_there_are():
    """Four processes, at once: without the lock two of them see the same last line."""
    shared, most = Shared.new(4), 500
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIMS, str(shared.file), str(row), str(most)],
            pass_fds=(shared.file,),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for row in range(4)
    ]
    for process in processes:
        assert process.stdout.readline() == "\n"
    for process in processes:
        process.stdin.write("now\n")
        process.stdin.flush()
    claimed = [int(process.communicate(timeout=BOUND_S)[0]) for process in processes]
    assert sum(claimed) == most
    assert len(shared.board.lines()) == most


def test_who_is_not_ours_is_reaped_and_who_is_is_left_to_whoever_waits():
    ours, stranger = subprocess.Popen(["false"]), subprocess.Popen(["true"])
    os.waitid(os.P_PID, stranger.pid, os.WEXITED | os.WNOWAIT)
    others = set(_children()) - {stranger.pid}
    assert ours.pid in others
    assert reap_now(others) == 1
    with pytest.raises(ChildProcessError):
        os.waitpid(stranger.pid, os.WNOHANG)
    stranger.returncode = 0
    assert ours.wait(BOUND_S) == 1
