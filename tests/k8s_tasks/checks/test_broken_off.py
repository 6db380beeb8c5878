"""A balancer that takes up anybody's new configuration may end the probe's connection: that is no verdict."""

import asyncio
import subprocess

import pytest

from curriculum.kinds import BalanceSettings
from k8s_tasks.checks import sampling
from k8s_tasks.checks.observing import Place
from k8s_tasks.checks.sampling import send_requests
from k8s_tasks.cluster.execs import Completed

SETTINGS = BalanceSettings(
    source="client",
    address="10.0.0.1",
    port="443",
    protocol="grpcs",
    targets=("web1", "web2"),
    samples=10,
    wrong=0.9,
)
REPLICAS = {"web1": "10.0.0.2", "web2": "10.0.0.3"}


class Looked:
    """What has been seen is nothing; only how often it was asked for matters here."""

    def seen_at(self, pod):
        return []

    def place(self, pod):
        return Place(REPLICAS[pod], "", "")


class Client:
    """A round whose commands end with these codes, one after another."""

    def __init__(self, *codes: int):
        self.codes = list(codes)
        self.marks: list[str] = []
        self.looks = 0

    def fill(self, text):
        return text

    async def run_in(self, place, command, *, seconds):
        self.marks.append(command[6])
        return Completed(b"", b"", self.codes.pop(0))

    async def look_until(self, pods, is_settled):
        self.looks += 1
        return Looked()


def send(client: Client) -> None:
    asyncio.run(send_requests(client, SETTINGS, samples=10, keep_open=True))


@pytest.mark.parametrize(("codes", "times"), [([0], 1), ([92, 0], 2), ([92, 92, 92], 3)])
def test_what_broke_off_is_sent_anew_under_another_mark_but_not_for_ever(codes, times):
    client = Client(*codes)
    send(client)
    assert (len(set(client.marks)), client.codes, client.looks) == (times, [], 1)


def test_where_nobody_answers_nothing_is_sent_again():
    client = Client(7, 0)
    send(client)
    assert (client.codes, client.looks) == ([0], 0)


@pytest.mark.parametrize(("curl", "told"), [(16, 92), (56, 92), (22, 0), (28, 0), (0, 0)])
def test_the_client_tells_a_broken_connection_from_a_bad_answer(tmp_path, curl, told):
    """The script as it is sent, with a curl that answers the first call and ends the others like this."""
    fake = tmp_path / "curl"
    fake.write_text(f'#!/bin/sh\ncase "$*" in *--next*) exit {curl} ;; esac\n')
    fake.chmod(0o755)
    (command,) = sampling._grpc("10.0.0.1:443", "mark", 3, host="h", keep_open=True, tls=True)
    command = [str(fake) if word == "curl" else word for word in command]
    assert subprocess.run(command).returncode == told
