"""The event loop of a worker process.

Celery's tasks are threads; all sockets to clusters and the pumps of all running commands live on
one loop in a thread of its own, so 200 streams cost 200 idle threads and one busy one. The API
connections are kept here too: a warm TLS session saves a handshake per command.
"""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from functools import cache
from pathlib import Path

import redis.asyncio

from k8s_tasks.cluster.api import Api, connect
from k8s_tasks.redis_keys import make_async_redis

_starting = threading.Lock()


@cache
def _start() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="cluster loop", daemon=True).start()
    return loop


def worker_loop() -> asyncio.AbstractEventLoop:
    # `cache` alone would let two first tasks start a loop each.
    with _starting:
        return _start()


def submit(work: Coroutine) -> Future:
    """Run a coroutine on the worker's loop; the future belongs to the calling thread."""
    return asyncio.run_coroutine_threadsafe(work, worker_loop())


def on_loop(work: Coroutine):
    """The coroutine's result, waited for in the calling thread."""
    return submit(work).result()


_apis: dict[tuple[str, float], Api] = {}


async def api_of(kubeconfig: str) -> Api:
    """The kept connection to a cluster; a rewritten kubeconfig makes a new one. Raises ClusterError."""
    key = (kubeconfig, _written_at(kubeconfig))
    if key not in _apis:
        _apis[key] = await connect(kubeconfig)
    return _apis[key]


async def close_apis() -> None:
    """Close the kept connections; for the end of a process."""
    while _apis:
        _key, api = _apis.popitem()
        await api.close()


def _written_at(kubeconfig: str) -> float:
    path = Path(kubeconfig)
    return path.stat().st_mtime if path.exists() else 0


@cache
def loop_redis() -> redis.asyncio.Redis:
    """The client of the worker's loop; only code that runs there may use it."""
    return make_async_redis()
