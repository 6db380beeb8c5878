import asyncio

import pytest

from netlab.store import AlreadyExists, Conflict, Expired, NotFound, Store, clone, events
from netlab.store.watch import ChangeLog, Event, Watch

pytestmark = pytest.mark.asyncio


def pod(name="web", **spec):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "lab"},
        "spec": {"containers": [], **spec},
    }


async def test_create_gives_identity():
    stored = Store().create("pods", pod())
    meta = stored["metadata"]
    assert meta["uid"] and meta["creationTimestamp"].endswith("Z")
    assert (meta["resourceVersion"], meta["generation"]) == ("1", 1)


async def test_create_twice_is_refused():
    store = Store()
    store.create("pods", pod())
    with pytest.raises(AlreadyExists, match='pods "web" already exists'):
        store.create("pods", pod())


async def test_generated_names_differ():
    store = Store()
    obj = pod()
    obj["metadata"] = {"generateName": "web-", "namespace": "lab"}
    first, second = store.create("pods", obj), store.create("pods", obj)
    assert first["metadata"]["name"] != second["metadata"]["name"]
    assert first["metadata"]["name"].startswith("web-")


async def test_writing_the_same_again_changes_nothing():
    store = Store()
    stored = store.create("pods", pod())
    assert store.update("pods", clone(stored)) is stored
    assert store.version == 1


async def test_generation_counts_the_desired_state_only():
    store = Store()
    store.create("pods", pod())
    after_status = store.mutate("pods", "lab", "web", lambda p: p.update(status={"phase": "Running"}))
    after_spec = store.mutate("pods", "lab", "web", lambda p: p["spec"].update(nodeName="n1"))
    assert after_status["metadata"]["generation"] == 1
    assert after_spec["metadata"]["generation"] == 2


async def test_stale_write_is_a_conflict():
    store = Store()
    stale = clone(store.create("pods", pod()))
    store.mutate("pods", "lab", "web", lambda p: p["spec"].update(nodeName="n1"))
    with pytest.raises(Conflict, match="the object has been modified"):
        store.update("pods", stale)


async def test_running_pod_is_marked_then_removed():
    store = Store()
    store.create("pods", pod(nodeName="n1"))
    marked = store.delete("pods", "lab", "web", grace=5)
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 5
    store.delete("pods", "lab", "web", grace=0)
    with pytest.raises(NotFound, match='pods "web" not found'):
        store.get("pods", "lab", "web")


async def test_pod_without_a_node_goes_at_once():
    store = Store()
    store.create("pods", pod())
    store.delete("pods", "lab", "web")
    assert store.list("pods") == []


async def test_last_finalizer_lets_a_deleted_object_go():
    store = Store()
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "finalizers": ["lab/hold"]}}
    store.create("configmaps", obj)
    assert store.delete("configmaps", None, "c")["metadata"]["deletionTimestamp"]
    store.mutate("configmaps", None, "c", lambda c: c["metadata"].pop("finalizers"))
    assert store.find("configmaps", None, "c") is None


async def test_list_selects_by_namespace_and_label():
    store = Store()
    for name, namespace in (("a", "x"), ("b", "y"), ("c", "x")):
        obj = pod(name)
        obj["metadata"].update(namespace=namespace, labels={"app": name})
        store.create("pods", obj)
    assert [p["metadata"]["name"] for p in store.list("pods", "x")] == ["a", "c"]
    assert [p["metadata"]["name"] for p in store.list("pods", labels={"app": "b"})] == ["b"]


async def test_watch_replays_then_follows():
    store = Store()
    store.create("pods", pod("a"))
    async with store.watch("pods", since=0) as watch:
        first = await anext(watch)
        following = asyncio.create_task(anext(watch))
        await asyncio.sleep(0)
        store.create("configmaps", {"metadata": {"name": "noise"}})
        store.create("pods", pod("b"))
        second = await following
    assert [(e.type, e.object["metadata"]["name"]) for e in (first, second)] == [
        ("ADDED", "a"),
        ("ADDED", "b"),
    ]


async def test_deleted_event_carries_a_new_version_and_the_last_state():
    store = Store()
    created = store.create("pods", pod())
    store.remove("pods", "lab", "web")
    async with store.watch(since=1) as watch:
        event = await anext(watch)
    assert (event.type, event.rv, event.previous) == ("DELETED", 2, created)
    assert event.object["metadata"]["resourceVersion"] == "2"


async def test_closing_ends_a_sleeping_watch():
    watch = Store().watch("pods")
    sleeper = asyncio.create_task(anext(watch, None))
    await asyncio.sleep(0)
    watch.close()
    assert await sleeper is None


async def test_a_watch_survives_a_timeout_without_losing_changes():
    store = Store()
    async with store.watch("pods") as watch:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(anext(watch), 0.001)
        store.create("pods", pod())
        assert (await anext(watch)).type == "ADDED"


async def test_a_watch_left_behind_is_told_so():
    log = ChangeLog(kept=2)
    watch = Watch(log, None, since=0)
    for _ in range(4):
        rv = log.next_version()
        log.append(Event("ADDED", "pods", {}, None, rv))
    with pytest.raises(Expired, match="too old resource version"):
        await anext(watch)


async def test_who_waits_for_what_matters_sleeps_through_the_rest():
    store = Store()
    waiting = asyncio.create_task(store.until(0, lambda change: change.resource == "pods"))
    store.create("namespaces", {"metadata": {"name": "lab"}})
    await asyncio.sleep(0)
    assert not waiting.done()
    store.create("pods", pod())
    await asyncio.wait_for(waiting, 1)


async def test_who_waits_since_a_past_that_is_forgotten_looks_again_at_once():
    store = Store()
    store._log = ChangeLog(kept=1)
    for name in "ab":
        store.create("namespaces", {"metadata": {"name": name}})
    await asyncio.wait_for(store.until(0, lambda change: False), 1)


async def test_the_same_event_is_counted_up():
    store = Store()
    store.create("namespaces", {"metadata": {"name": "lab"}})
    involved = store.create("pods", pod())
    for _ in range(3):
        events.record(store, involved, "BackOff", "again", type="Warning", component="kubelet")
    (event,) = store.list("events", "lab")
    assert (event["count"], event["reason"]) == (3, "BackOff")


async def test_what_a_change_leaves_as_it_was_is_in_memory_once():
    store = Store()
    first = store.create("pods", pod(containers=[{"name": "a"}, {"name": "b"}], nodeName="x"))
    second = store.mutate("pods", "lab", "web", lambda one: one["spec"].update(nodeName="y"))
    assert second["spec"]["containers"] is first["spec"]["containers"]
    third = store.mutate("pods", "lab", "web", lambda one: one["spec"]["containers"][1].update(image="i"))
    assert third["spec"]["containers"][0] is first["spec"]["containers"][0]
    assert [one["name"] for one in third["spec"]["containers"]] == ["a", "b"]
    assert "image" not in second["spec"]["containers"][1] and second["spec"]["nodeName"] == "y"


async def test_true_is_not_one_and_a_shorter_list_is_another():
    store = Store()
    store.create("pods", pod(flag=1, args=["a", "b"]))
    changed = store.mutate("pods", "lab", "web", lambda one: one["spec"].update(flag=True, args=["a"]))
    assert changed["spec"]["flag"] is True and changed["spec"]["args"] == ["a"]


async def test_version_nought_asks_for_no_version():
    store = Store()
    store.create("pods", pod())
    store.mutate("pods", "lab", "web", lambda p: p["spec"].update(nodeName="n1"))
    blind = pod(nodeName="n2")
    blind["metadata"]["resourceVersion"] = "0"
    assert store.update("pods", blind)["spec"]["nodeName"] == "n2"
