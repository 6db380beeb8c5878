import json
import time
from contextlib import asynccontextmanager

from .worlds import CONFIGMAPS, config_map

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


@asynccontextmanager
async def watching(plane, query, **headers):
    async with plane.session.get(f"{plane.url}{CONFIGMAPS}?watch=true&{query}", headers=headers) as stream:

        async def following() -> dict:
            return json.loads(await stream.content.readline())

        yield following


def brief(event):
    return event["type"], event["object"]["metadata"].get("name")


async def test_without_a_version_the_present_comes_first(plane):
    await plane.call("POST", CONFIGMAPS, config_map("a"), code=201)
    async with watching(plane, "fieldSelector=metadata.name!=kube-root-ca.crt") as following:
        assert brief(await following()) == ("ADDED", "a")
        await plane.call("DELETE", f"{CONFIGMAPS}/a", code=200)
        assert brief(await following()) == ("DELETED", "a")


async def test_from_a_version_only_the_news(plane):
    made = await plane.call("POST", CONFIGMAPS, config_map("a"), code=201)
    async with watching(plane, f"resourceVersion={made['metadata']['resourceVersion']}") as following:
        await plane.call("POST", CONFIGMAPS, config_map("b"), code=201)
        assert brief(await following()) == ("ADDED", "b")


async def test_a_burst_comes_whole_and_in_order_and_a_hundred_pieces_a_second_at_most(plane):
    names, pieces, seen = [f"n{number}" for number in range(50)], 0, []
    query = f"watch=true&resourceVersion={plane.plane.store.version}"
    async with plane.session.get(f"{plane.url}{CONFIGMAPS}?{query}") as stream:
        began = time.monotonic()
        for name in names:
            await plane.call("POST", CONFIGMAPS, config_map(name), code=201)
        while len(seen) < len(names):
            piece, _ = await stream.content.readchunk()
            pieces += 1
            seen += [brief(json.loads(line))[1] for line in piece.splitlines()]
        seconds = time.monotonic() - began
    assert seen == names
    assert pieces <= 2 + 100 * seconds


async def test_initial_events_end_with_a_bookmark(plane):
    await plane.call("POST", CONFIGMAPS, config_map("a"), code=201)
    query = "fieldSelector=metadata.name=a&sendInitialEvents=true&allowWatchBookmarks=true"
    async with watching(plane, query + "&resourceVersionMatch=NotOlderThan") as following:
        assert brief(await following()) == ("ADDED", "a")
        mark = await following()
        assert mark["type"] == "BOOKMARK"
        assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_leaving_a_selector_looks_like_a_deletion(plane):
    body = config_map("a")
    body["metadata"]["labels"] = {"x": "1"}
    await plane.call("POST", CONFIGMAPS, body, code=201)
    async with watching(plane, "labelSelector=x=1") as following:
        assert brief(await following()) == ("ADDED", "a")
        body["metadata"]["labels"] = {"x": "2"}
        await plane.call("PUT", f"{CONFIGMAPS}/a", body, code=200)
        assert brief(await following()) == ("DELETED", "a")
        body["metadata"]["labels"] = {"x": "1"}
        await plane.call("PUT", f"{CONFIGMAPS}/a", body, code=200)
        assert brief(await following()) == ("ADDED", "a")


async def test_a_table_tells_its_columns_once(plane):
    await plane.call("POST", CONFIGMAPS, config_map("a"), code=201)
    async with watching(plane, "fieldSelector=metadata.name=a", Accept=TABLE) as following:
        first = await following()
        await plane.call("PUT", f"{CONFIGMAPS}/a", config_map("a", k="v"), code=200)
        second = await following()
    assert first["object"]["columnDefinitions"][0]["name"] == "Name"
    assert second["object"]["columnDefinitions"] is None
    assert second["object"]["rows"][0]["cells"][:2] == ["a", 1]


async def test_a_timeout_ends_the_stream(plane):
    async with watching(plane, "resourceVersion=1&timeoutSeconds=1&fieldSelector=metadata.name=none") as _:
        pass
    query = "?watch=true&timeoutSeconds=1&fieldSelector=metadata.name=none"
    async with plane.session.get(plane.url + CONFIGMAPS + query) as stream:
        assert await stream.read() == b""


async def test_a_version_no_longer_kept_is_gone(plane):
    log = plane.store._log
    while log._events:
        log._events.popleft()
    async with watching(plane, "resourceVersion=1") as following:
        event = await following()
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")


async def test_a_client_that_leaves_ends_its_watch(plane):
    waiting = plane.store._log._waiting
    async with watching(plane, "resourceVersion=1") as following:
        await following()
        before = len(waiting)
    for _ in range(200):
        if len(waiting) < before:
            break
        await plane.call("GET", "/version")
    assert len(waiting) < before
