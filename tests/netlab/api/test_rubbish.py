"""Whatever comes in, a Status goes out: no answer of 500, no hang, and the server answers on.

`FUZZ=2000` tries more of each.
"""

import asyncio
import json
import os
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from netlab.api import spdy
from netlab.schema import wire

from .worlds import DEPLOYMENTS, NAMESPACE, PODS, deployment, pod

MANY = int(os.environ.get("FUZZ", "60"))
tried = settings(
    max_examples=MANY, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TYPES = (
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


async def told(plane, method: str, path: str, **options) -> int:
    """The code of the answer, which is JSON, with a reason where it is no success."""
    url = URL(plane.url + path, encoded=True)
    async with asyncio.timeout(20), plane.session.request(method, url, **options) as response:
        answer = json.loads(await response.text())
        assert response.status < 500, answer
        assert response.status < 400 or (answer["kind"], answer["status"]) == ("Status", "Failure")
        return response.status


@tried
@given(
    body=st.binary(max_size=60),
    media=st.sampled_from(TYPES),
    method=st.sampled_from(["POST", "PUT", "PATCH"]),
)
async def test_any_bytes_are_a_body(plane, body, media, method):
    path = PODS if method == "POST" else f"{PODS}/x"
    await told(plane, method, path, data=body, headers={"Content-Type": media})


def places(value, path=()) -> list[tuple]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in below for found in places(item, (*path, key)))]


SOUND = [
    (PODS, pod(hostname="a", tolerations=[{"key": "k", "operator": "Exists"}], volumes=[{"name": "v"}])),
    (DEPLOYMENTS, deployment()),
    (
        "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
        {"metadata": {"name": "p"}, "spec": {"ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}},
    ),
    (
        f"{NAMESPACE}/services",
        {"metadata": {"name": "s"}, "spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30000}]}},
    ),
    (
        f"{NAMESPACE}/resourcequotas",
        {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "1"}, "scopes": ["BestEffort"]}},
    ),
    (
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        {
            "metadata": {"name": "as.b.c"},
            "spec": {
                "group": "b.c",
                "scope": "Namespaced",
                "names": {"kind": "A", "plural": "as"},
                "versions": [
                    {
                        "name": "v1",
                        "served": True,
                        "storage": True,
                        "schema": {
                            "openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object"}}}
                        },
                    }
                ],
            },
        },
    ),
]


@tried
@given(data=st.data())
async def test_any_value_at_any_place_of_a_sound_object(plane, data):
    path, sound = data.draw(st.sampled_from(SOUND))
    spoilt = json.loads(json.dumps(sound))
    where = data.draw(st.sampled_from(places(spoilt)[1:]))
    target = spoilt
    for key in where[:-1]:
        target = target[key]
    target[where[-1]] = data.draw(values)
    await told(plane, "POST", f"{path}?dryRun=All", data=json.dumps(spoilt).encode())


@tried
@given(patch=values, media=st.sampled_from(TYPES[3:]))
async def test_any_value_is_a_patch(plane, patch, media):
    if not plane.store.find("pods", "default", "web"):
        await plane.call("POST", PODS, pod(), code=201)
    headers = {"Content-Type": media}
    await told(
        plane, "PATCH", f"{PODS}/web?dryRun=All&fieldManager=f", data=json.dumps(patch), headers=headers
    )


@tried
@given(
    name=st.sampled_from(
        ["labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "timeoutSeconds"]
    ),
    value=st.text(max_size=20)
    | st.from_regex(r"[a-z.]{1,8}( in | notin |=|!=|==)\(?[a-z,]{0,5}\)?", fullmatch=True),
)
async def test_any_text_is_a_question(plane, name, value):
    await told(plane, "GET", str(URL(PODS).with_query({name: value})))


NESTED = b'{"a":' * 5000 + b"1" + b"}" * 5000
LAUGHS = b"".join(
    b"b%d: &b%d [%s]\n" % (n, n, b",".join([b"*b%d" % (n - 1) if n else b"x"] * 9)) for n in range(9)
)
ENVIRONMENT = b"[{name: a, image: b, env: [{name: E, value: !!binary aGk=}]}]"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"metadata: {name: x}\nspec: {containers: %s}" % ENVIRONMENT, id="binary"),
        pytest.param(b"metadata: {name: x}\ndata: {a: .nan}", id="nan"),
        pytest.param(b"metadata: !!set {a, b}", id="set"),
        pytest.param(b'{"metadata": {"name": "x", "annotations": {"a": "\\ud800"}}}', id="surrogate"),
        pytest.param(b'{"metadata": {"name": "x"}, "data": {"a": NaN}}', id="json-nan"),
        pytest.param(NESTED, id="deep"),
        pytest.param(LAUGHS, id="laughs"),
    ],
)
async def test_what_only_looks_like_an_object_is_refused_or_taken_whole(plane, body):
    media = "application/json" if body.startswith(b"{") else "application/yaml"
    await told(plane, "POST", f"{NAMESPACE}/configmaps", data=body, headers={"Content-Type": media})
    assert await told(plane, "GET", f"{NAMESPACE}/configmaps") == 200


@settings(max_examples=10 * MANY, deadline=None)
@given(rest=st.binary(max_size=80), kind=st.sampled_from(["Pod", "Deployment", "Service", "DeleteOptions"]))
def test_any_bytes_are_protobuf_or_are_not(rest, kind):
    meta = b"\x0a\x02v1\x12" + bytes([len(kind)]) + kind.encode()
    envelope = b"\x0a" + bytes([len(meta)]) + meta + b"\x12" + bytes([len(rest)]) + rest
    for body in (wire.MAGIC + rest, wire.MAGIC + envelope):
        try:
            assert isinstance(wire.decode(body), dict)
        except wire.BadWire:
            pass


@settings(max_examples=10 * MANY, deadline=None)
@given(frames=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 255), st.binary(max_size=40)), max_size=6))
def test_any_frames_are_spdy_or_are_not(frames):
    async def ignore(*_words) -> None:
        pass

    text = b"".join(
        (b"\x80\x03" + kind.to_bytes(2, "big") if kind else b"\0\0\0\1")
        + bytes([flags])
        + len(body).to_bytes(3, "big")
        + body
        for kind, flags, body in frames
    )
    try:
        asyncio.run(spdy.Connection(ignore, ignore, ignore, ignore).feed(text))
    except spdy.BadFrame:
        pass


def test_a_header_block_that_swells_is_refused():
    async def ignore(*_words) -> None:
        pass

    packer = zlib.compressobj(zdict=spdy.DICTIONARY)
    block = packer.compress(b"\0" * 10_000_000) + packer.flush(zlib.Z_SYNC_FLUSH)
    body = b"\0\0\0\1" + b"\0" * 6 + block
    frame = b"\x80\x03\0\1\0" + len(body).to_bytes(3, "big") + body
    with pytest.raises(spdy.BadFrame, match="more than"):
        asyncio.run(spdy.Connection(ignore, ignore, ignore, ignore).feed(frame))
