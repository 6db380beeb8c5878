"""What a page sends to a running terminal. The worker that drives it reads the other end."""

import redis.asyncio

from k8s_tasks.hub import current_hub
from k8s_tasks.redis_keys import redis_client, run_input

KEPT = 5000  # messages; the worker reads them as they come
SECONDS = 24 * 3600


async def asend_keys(run_id, data: bytes, *, grant: str = "") -> None:
    """`grant` names what lets somebody else than the student type: see `withdraw_grant`."""
    await _send(run_id, "data", data, **({"grant": grant} if grant else {}))


def withdraw_grant(run_id, grant: str) -> None:
    """The worker passes on no key of this grant any more, also of those it holds or has yet to read."""
    with redis_client().pipeline(transaction=False) as pipe:
        pipe.xadd(run_input(run_id), {"kind": "withdraw", "data": grant}, maxlen=KEPT, approximate=True)
        pipe.expire(run_input(run_id), SECONDS)
        pipe.execute()


async def aresize(run_id, columns: int, rows: int) -> None:
    """Raises ValueError for a size no terminal has."""
    if not (1 <= columns <= 1000 and 1 <= rows <= 1000):
        raise ValueError(f"a terminal of {columns} by {rows}")
    await _send(run_id, "resize", f"{columns} {rows}".encode())


async def aacknowledge(run_id, count: int) -> None:
    """The driving page has shown so many more bytes; the worker reads on in the pod."""
    if count > 0:
        await _send(run_id, "ack", str(count).encode())


async def _send(run_id, kind: str, data: bytes, **more: str) -> None:
    client: redis.asyncio.Redis = current_hub().redis
    key = run_input(run_id)
    async with client.pipeline(transaction=False) as pipe:
        pipe.xadd(key, {"kind": kind, "data": data, **more}, maxlen=KEPT, approximate=True)
        pipe.expire(key, SECONDS)
        await pipe.execute()
