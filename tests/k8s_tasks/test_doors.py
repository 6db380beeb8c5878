"""A session's own listener for TCP: made beside others', and taken away without touching them."""

import asyncio
import copy

import pytest

from k8s_tasks.cluster.doors import LABEL, close_doors, open_door
from k8s_tasks.cluster.errors import ClusterError, NotFound, Refused

LISTENERS = "/apis/k8s.nginx.org/v1/globalconfigurations"
ONE = "/apis/k8s.nginx.org/v1/namespaces/nginx/globalconfigurations/main"


class Api:
    """A cluster with one controller; `conflicts` writes come too late."""

    kinds = {("v1", "Service"): ("services", True)}

    def __init__(self, conflicts: int = 0, listeners=(), served: bool = True):
        metadata = {"name": "main", "namespace": "nginx", "creationTimestamp": "2026-01-01T00:00:00Z"}
        self.configuration = {"metadata": metadata, "spec": {"listeners": list(listeners)}}
        front = {"selector": {"app": "nginx"}, "ports": [{"port": 443}]}
        self.services = {"front": {"metadata": {"name": "front", "namespace": "nginx"}, "spec": front}}
        self.conflicts, self.served = conflicts, served

    async def request(self, method, path, *, query=None, body=None, content_type=None):
        if path == LISTENERS:
            if not self.served:
                raise NotFound(404, "NotFound", "no such kind")
            return {"items": [copy.deepcopy(self.configuration)]}
        if path == ONE:
            if self.conflicts:
                self.conflicts -= 1
                raise Refused(409, "Conflict", "somebody was faster")
            self.configuration = body
            return body
        if method == "PATCH":
            made = {
                "metadata": {**body["metadata"], "namespace": "nginx"},
                "spec": {**body["spec"], "clusterIP": "10.96.0.9"},
            }
            self.services[body["metadata"]["name"]] = made
            return made
        if method == "DELETE":
            del self.services[path.rpartition("/")[2]]
            return {}
        wanted = (query or {}).get("labelSelector", "")
        doors = [each for each in self.services.values() if LABEL in each["metadata"].get("labels", {})]
        return {"items": doors if wanted else list(self.services.values())}

    @property
    def listeners(self) -> dict:
        return {each["name"]: each["port"] for each in self.configuration["spec"]["listeners"]}


def test_a_door_is_a_free_listener_and_a_service_that_leads_to_it():
    api = Api(listeners=[{"name": "theirs", "port": 20000, "protocol": "TCP"}])
    door = asyncio.run(open_door(api, "lab-1", {"session": "1"}))
    (port,) = api.services["lab-1"]["spec"]["ports"]
    assert (door.address, door.listener) == ("10.96.0.9", "lab-1")
    assert api.listeners == {"theirs": 20000, "lab-1": 20001}
    assert (port["port"], port["targetPort"]) == (9000, 20001)
    assert api.services["lab-1"]["spec"]["selector"] == {"app": "nginx"}


def test_a_door_that_is_there_is_opened_again_as_it_was():
    api = Api()
    first, again = (asyncio.run(open_door(api, "lab-1", {})) for _ in range(2))
    assert (first, api.listeners) == (again, {"lab-1": 20000})


def test_who_comes_too_late_reads_again():
    api = Api(conflicts=2)
    asyncio.run(open_door(api, "lab-1", {}))
    assert api.listeners == {"lab-1": 20000}


def test_closing_takes_away_what_is_the_sessions_and_no_more():
    api = Api(listeners=[{"name": "theirs", "port": 20000, "protocol": "TCP"}])
    asyncio.run(open_door(api, "lab-1", {"session": "1"}))
    asyncio.run(close_doors(api, "session=1"))
    assert (api.listeners, list(api.services)) == ({"theirs": 20000}, ["front"])


def test_a_cluster_without_the_kind_is_told_so():
    with pytest.raises(ClusterError, match="no GlobalConfiguration"):
        asyncio.run(open_door(Api(served=False), "lab-1", {}))
