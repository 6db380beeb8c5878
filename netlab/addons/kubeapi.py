"""The Kubernetes API as a program in a pod speaks to it: by its service account, with Python alone.

A `Reflector` is a thread that lists the objects at a path, then follows their watch; a watch that breaks
begins again with the list.
"""

import http.client
import json
import os
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_WATCH_SECONDS = 300
_RETRY_SECONDS = (0.1, 5.0)

Key = tuple[str, str]  # namespace (empty where there is none) and name


class ApiError(Exception):
    """The API answered something else than what was asked for."""

    def __init__(self, text: str, status: int):
        super().__init__(text)
        self.status = status


FAILURES = (OSError, http.client.HTTPException, ApiError, ValueError)


class Client:
    def __init__(self, agent: str):
        self._agent = agent

    def send(
        self, method: str, path: str, body: dict | None = None, kind: str = "application/json"
    ) -> http.client.HTTPResponse:
        """Raises OSError, HTTPException or ApiError."""
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], int(os.environ["KUBERNETES_SERVICE_PORT"])
        context = ssl.create_default_context(cafile=str(_ACCOUNT / "ca.crt"))
        connection = http.client.HTTPSConnection(host, port, timeout=_WATCH_SECONDS + 30, context=context)
        token = (_ACCOUNT / "token").read_text().strip()  # read anew: the node renews it
        headers = {"Authorization": f"Bearer {token}", "User-Agent": self._agent, "Content-Type": kind}
        connection.request(method, path, body and json.dumps(body), headers)
        response = connection.getresponse()
        if response.status >= 300:
            text = response.read(500).decode(errors="replace")
            raise ApiError(f"{path}: {response.status} {text}", response.status)
        return response

    def list(self, path: str) -> dict:
        return json.loads(self.send("GET", path).read())


def key_of(obj: dict) -> Key:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


class Reflector:
    """Tells `put` of every object at `path`: with the object when it is there, with None when it is gone."""

    def __init__(
        self,
        client: Client,
        path: str,
        put: Callable[[Key, dict | None], None],
        *,
        listed: Callable[[], None],
        failed: Callable[[Exception], None],
    ):
        self._client, self._path, self._put = client, path, put
        self._listed, self._failed = listed, failed
        self._known: set[Key] = set()

    def start(self) -> None:
        threading.Thread(target=self._run, name=f"follow {self._path}", daemon=True).start()

    def _run(self) -> None:
        pause = _RETRY_SECONDS[0]
        while True:
            try:
                self._list_and_watch()
                pause = _RETRY_SECONDS[0]
            except FAILURES as error:
                if pause > 1:
                    self._failed(error)
                time.sleep(pause)
                pause = min(pause * 2, _RETRY_SECONDS[1])

    def _list_and_watch(self) -> None:
        whole = self._client.list(self._path)
        present = {key_of(obj): obj for obj in whole["items"]}
        for key in self._known - set(present):
            self._tell(key, None)
        for key, obj in present.items():
            self._tell(key, obj)
        self._listed()
        version = whole["metadata"]["resourceVersion"]
        query = f"watch=1&resourceVersion={version}&timeoutSeconds={_WATCH_SECONDS}"
        for line in self._client.send("GET", f"{self._path}?{query}"):
            event = json.loads(line)
            if event["type"] == "ERROR":
                return
            if event["type"] != "BOOKMARK":
                self._tell(key_of(event["object"]), None if event["type"] == "DELETED" else event["object"])

    def _tell(self, key: Key, obj: dict | None) -> None:
        (self._known.discard if obj is None else self._known.add)(key)
        self._put(key, obj)
