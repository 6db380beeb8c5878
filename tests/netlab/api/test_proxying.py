"""HTTP to a pod through the API: by the pod's name, and by a Service's."""

import pytest
from aiohttp import web
from yarl import URL

from .worlds import NAMESPACE, PODS, pod, service


@pytest.fixture
async def site():
    """A pod's web server: it tells what it was asked."""

    async def answer(http: web.Request) -> web.Response:
        told = {
            "method": http.method,
            "path": http.raw_path,
            "body": (await http.read()).decode(),
            "authorization": http.headers.get("Authorization", ""),
            "mine": http.headers.get("X-Mine", ""),
        }
        return web.json_response(told, status=418, headers={"X-Theirs": "yes"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    listening = web.TCPSite(runner, "127.0.0.1", 0)
    await listening.start()
    yield listening._server.sockets[0].getsockname()[1]
    await runner.cleanup()


async def test_a_request_reaches_the_pod_as_it_was_sent(plane, site):
    await plane.call("POST", PODS, pod(), code=201)
    path = f"{PODS}/web:{site}/proxy/a%20b/c?x=1&y=%2F"
    headers = {"X-Mine": "kept", "Impersonate-User": "system:admin", "Impersonate-Group": "system:masters"}
    url = URL(plane.url + path, encoded=True)
    async with plane.session.post(url, data=b"some words", headers=headers) as response:
        told = await response.json()
        assert (response.status, response.headers["X-Theirs"]) == (418, "yes")
    assert told == {
        "method": "POST",
        "path": "/a%20b/c?x=1&y=%2F",
        "body": "some words",
        "authorization": "",
        "mine": "kept",
    }


async def test_a_service_leads_to_one_of_its_ready_pods(plane, site):
    services = f"{NAMESPACE}/services"
    await plane.call("POST", services, service(ports=[{"name": "http", "port": 80, "targetPort": site}]))
    refused = await plane.call("GET", f"{services}/shop:http/proxy/", code=503)
    assert refused["message"] == 'no endpoints available for service "shop"'
    await plane.call("POST", PODS, pod("shop"), code=201)
    async with plane.store.watch("endpointslices.discovery.k8s.io", since=0) as changes:
        async for change in changes:
            if any(one["conditions"].get("ready") for one in change.object.get("endpoints") or []):
                break
    told = await plane.call("GET", f"{services}/shop:http/proxy/health", code=418)
    assert told["path"] == "/health"
    wrong = await plane.call("GET", f"{services}/shop:nope/proxy/", code=503)
    assert wrong["message"] == 'no service port "nope" found for service "shop"'


async def test_where_nobody_listens_the_reason_is_told(plane):
    await plane.call("POST", PODS, pod(), code=201)
    refused = await plane.call("GET", f"{PODS}/web:1/proxy/", code=503)
    assert refused["message"].startswith("error trying to reach service: ")


async def test_the_door_is_a_right_of_its_own(plane):
    await plane.call("POST", PODS, pod(), code=201)
    path = f"{PODS}/web:80/proxy/"
    refused = await plane.call("GET", path, headers={"Impersonate-User": "alice"}, code=403)
    assert 'cannot get resource "pods/proxy"' in refused["message"]
