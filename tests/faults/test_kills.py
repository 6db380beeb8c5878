"""Any process may be shot: no line, run or pass is lost, or what is lost says so."""

import asyncio
import contextlib
import os
import re
import signal
import sqlite3
import time
from pathlib import Path

import psycopg
import pytest

from deploy.local.stack import Stack
from portal.options import database_file
from tests.portal.live import LAB
from tests.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def replies(output: bytes) -> list[int]:
    return [int(number) for number in re.findall(rb"icmp_seq=(\d+)", output)]


def verdicts(text: str) -> list[str]:
    return re.findall(r'data-verdict="([\w-]+)"', text)


async def came_back(breakable, name: str, killed: int) -> None:
    await asyncio.to_thread(breakable.wait_for, name, other_than=killed)
    await asyncio.to_thread(breakable.wait_until, breakable.is_healthy)


async def test_a_run_whose_worker_died_is_lost_and_its_process_ended(
    sitting, aluna, breakable, kill, kubectl
):
    run = sitting.run("capture")
    await aluna.output(run, until=b"listening on eth0")

    began = time.monotonic()
    killed = kill("worker-streams")
    end = await aluna.end_of(run)

    assert (end["state"], time.monotonic() - began < 15) == ("lost", True)
    assert 'data-run-state="lost"' in aluna.pages.get(sitting.door("steps/capture")).text
    await came_back(breakable, "worker-streams", killed)
    breakable.wait_until(lambda: "tcpdump -l" not in kubectl.processes(sitting.id, "carla"))
    assert b"listening" in await aluna.output(sitting.run("capture"), until=b"listening on eth0")


@pytest.mark.parametrize("name", ["web", "redis", "watcher", "worker-verify"])
async def test_no_line_is_lost_when_another_process_dies(sitting, aluna, breakable, kill, name):
    sitting.predict("predict-ttl", "62")
    run = sitting.run("ping-across")
    await aluna.output(run, until=b"icmp_seq=2 ")

    await came_back(breakable, name, kill(name))
    seen = replies(await aluna.output(run, until=b"icmp_seq=6 "))
    aluna.post(f"/runs/{run}/cancel/", htmx=True)

    assert seen == list(range(1, len(seen) + 1))
    assert (await aluna.end_of(run))["state"] == "cancelled"
    assert replies(await aluna.output(run))[: len(seen)] == seen
    assert "icmp_seq=6 " in aluna.pages.get(f"/runs/{run}/cast/").text


async def test_a_verification_outlives_its_worker(sitting, aluna, kill):
    run = sitting.verify_run()
    kill("worker-verify")
    assert (await aluna.end_of(run, seconds=75))["state"] == "succeeded"
    assert verdicts(aluna.pages.get(sitting.door("verdicts")).text).count("pass") == 1


async def test_a_verification_that_its_worker_was_given_and_never_saw_is_asked_for_again(
    sitting, aluna, breakable, kill
):
    stop_between_writes(breakable.pids()["worker-verify"], breakable)
    try:
        run = sitting.verify_run()  # the broker hands it the message all the same
    finally:
        kill("worker-verify")
    assert (await aluna.end_of(run, seconds=75))["state"] == "succeeded"


def stop_between_writes(pid: int, stack: Stack) -> None:
    """Stop a process that does not hold a lock of the database: only a dead one would give it back."""
    url = stack.env.get("DATABASE_URL", "")
    while True:
        os.kill(pid, signal.SIGSTOP)
        until(lambda: " T " in Path(f"/proc/{pid}/stat").read_text())
        if nobody_writes(url) if url else may_write(database_file(stack.folders.state)):
            return
        os.kill(pid, signal.SIGCONT)


def may_write(database: Path) -> bool:
    try:
        with contextlib.closing(sqlite3.connect(database, timeout=1)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
    except sqlite3.OperationalError:
        return False
    return True


def nobody_writes(url: str) -> bool:
    asked = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in %'"
    )
    with psycopg.connect(url) as connection:
        return connection.execute(asked).fetchone() == (0,)


async def test_a_broken_node_agent_makes_no_student_fail(sitting, kubectl):
    namespace = kubectl.namespace_of(sitting.id)
    node = kubectl("get", "pod", "-n", namespace, "ana", "-o", "jsonpath={.spec.nodeName}")
    agent = kubectl(
        *("get", "pod", "-n", "redes-system", "-o", "name", "--field-selector", f"spec.nodeName={node}")
    ).strip()
    tool = "/usr/local/bin/redes-agent"
    kubectl("exec", "-n", "redes-system", agent, "--", "mv", tool, f"{tool}.away")
    try:
        sitting.answer("answer-ttl", "62")  # not before: an answer has what is open checked at once
        text = await sitting.verify()
    finally:
        kubectl("exec", "-n", "redes-system", agent, "--", "mv", f"{tool}.away", tool)
    assert set(verdicts(text)) == {"undecided"}


async def test_a_cluster_that_is_gone_takes_no_progress_with_it(sitting, aluna, breakable, kill):
    assert verdicts(await sitting.verify()).count("pass") == 1
    killed = kill("netlab")
    await sitting.notice("session", state="gone")

    page = aluna.pages.get(LAB).text
    assert verdicts(page).count("pass") == 1
    assert f"{LAB}start/" in page
    await came_back(breakable, "netlab", killed)
    again = await aluna.begin()
    assert verdicts(aluna.pages.get(again.door("verdicts")).text).count("pass") == 1
    aluna.post(again.door("end"))
