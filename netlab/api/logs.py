"""The log subresource: what a container wrote, as plain text, followed if asked."""

import time

from aiohttp import web

from netlab.node.runtime import LogError, Runtime
from netlab.store import clock

from . import status
from .request import Call
from .streams import container_of


async def serve(runtime: Runtime, call: Call, pod: dict) -> web.StreamResponse:
    container = container_of(call, pod)
    try:
        pieces = runtime.logs(
            pod,
            container,
            follow=call.flag("follow"),
            previous=call.flag("previous"),
            tail=_not_negative(call, "tailLines"),
            since=_since(call),
            timestamps=call.flag("timestamps"),
            limit=_not_negative(call, "limitBytes"),
        )
    except LogError as error:
        raise status.bad_request(str(error)) from error
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    response.enable_chunked_encoding()
    await response.prepare(call.http)
    try:
        async for piece in pieces:
            await response.write(piece)
    except ConnectionError:
        pass  # the reader went away
    return response


def _not_negative(call: Call, name: str) -> int | None:
    value = call.number(name)
    if value is not None and value < 0:
        message = (
            f'PodLogOptions "" is invalid: {name}: Invalid value: {value}: must be greater than or equal to 0'
        )
        raise status.ApiError(422, "Invalid", message)
    return value


def _since(call: Call) -> float | None:
    """Seconds since 1970, from sinceSeconds or sinceTime."""
    seconds, stamp = call.number("sinceSeconds"), call.http.query.get("sinceTime")
    if seconds is not None:
        return time.time() - seconds
    if not stamp:
        return None
    try:
        return clock.parse(stamp).timestamp()
    except ValueError:
        raise status.bad_request(f"sinceTime: invalid time {stamp!r}") from None
