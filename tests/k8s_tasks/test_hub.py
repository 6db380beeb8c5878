"""The three bugs the prototype had: a second hub that repeats, a cursor inside what is kept, and a
reader that dies in silence."""

import asyncio

import pytest

from k8s_tasks import hub as hub_module
from k8s_tasks.hub import Hub, StreamLost

pytestmark = pytest.mark.usefixtures("redis_client")


@pytest.fixture
async def hub():
    hub = Hub()
    yield hub
    await hub.redis.aclose()


async def add(hub, *texts, key="s"):
    return [(await hub.redis.xadd(key, {"data": text})).decode() for text in texts]


async def take(pages, count):
    texts = []
    while len(texts) < count:
        texts += [fields[b"data"].decode() for _, fields in await anext(pages)]
    return texts


async def test_a_late_viewer_gets_everything_once(hub):
    await add(hub, "a", "b")
    pages = hub.follow("s", "0")
    assert await take(pages, 2) == ["a", "b"]
    await add(hub, "c")
    assert await take(pages, 1) == ["c"]


async def test_a_viewer_who_returns_to_a_new_hub_sees_nothing_twice(hub):
    ids = await add(hub, "a", "b", "c")
    assert await take(hub.follow("s", ids[1]), 1) == ["c"]


async def test_a_cursor_inside_what_is_kept_is_served_from_there_on(hub):
    await add(hub, "0")
    first = hub.follow("s", "0")
    await take(first, 1)
    ids = await add(hub, "a", "b", "c")
    await take(first, 3)
    assert await take(hub.follow("s", ids[0]), 2) == ["b", "c"]


async def test_a_stalled_viewer_is_served_from_redis_once_memory_has_moved_on(hub, monkeypatch):
    monkeypatch.setattr(hub_module, "KEPT_BYTES", 300)
    quick, slow = hub.follow("s", "0"), hub.follow("s", "0")
    await add(hub, "0")
    assert await take(quick, 1) == await take(slow, 1) == ["0"]
    texts = [str(number) for number in range(1, 20)]
    await add(hub, *texts)
    assert await take(quick, 19) == texts
    assert await take(slow, 19) == texts


async def test_two_viewers_share_one_reader_and_the_last_ends_it(hub):
    await add(hub, "a")
    one, two = hub.follow("s", "0"), hub.follow("s", "0")
    await take(one, 1), await take(two, 1)
    assert len(hub._readers) == 1
    await one.aclose()
    assert len(hub._readers) == 1
    await two.aclose()
    assert hub._readers == {}


async def test_a_reader_that_dies_fails_its_viewers(hub, redis_client):
    await add(hub, "a")
    pages = hub.follow("s", "0")
    await take(pages, 1)
    waiting = asyncio.create_task(anext(pages))
    redis_client.delete("s")
    redis_client.set("s", "no stream")
    redis_client.client_kill_filter(_type="normal")
    with pytest.raises(StreamLost):
        async with asyncio.timeout(5):
            await waiting


async def test_after_a_failure_the_next_viewer_gets_a_new_reader(hub, redis_client):
    redis_client.set("s", "no stream")
    with pytest.raises(StreamLost):
        await anext(hub.follow("s", "0"))
    redis_client.delete("s")
    await add(hub, "a")
    assert await take(hub.follow("s", "0"), 1) == ["a"]


async def test_a_trimmed_stream_does_not_hold_a_viewer_up(hub):
    await add(hub, "a", "b")
    await hub.redis.xtrim("s", maxlen=0, approximate=False)
    pages = hub.follow("s", "0")
    waiting = asyncio.create_task(anext(pages))
    await asyncio.sleep(0)
    await add(hub, "c")
    async with asyncio.timeout(5):
        assert [fields[b"data"] for _, fields in await waiting] == [b"c"]
