"""The mode and the verbosity of kube-proxy on a whole cluster, and what they were before.

What they were, and whose session changed them, is kept on the DaemonSet itself, so whoever clears up after a
worker that died finds it. Only labs that have a cluster to themselves change it.
"""

import asyncio
import json
import re
import time
from datetime import UTC, datetime

from k8s_tasks.cluster.api import MERGE, Api
from k8s_tasks.cluster.errors import NotFound, NotReady

_CONFIG = "/api/v1/namespaces/kube-system/configmaps/kube-proxy"
_DAEMONS = "/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy"
BEFORE = "redes.local/proxy-before"
STRATEGIC = "application/strategic-merge-patch+json"
ROLLOUT_SECONDS = 90
LOOK_AGAIN = 0.5
_MODE = re.compile(r"^mode:.*$", re.MULTILINE)


async def configure_proxy(api: Api, *, mode: str, verbosity: int, session: str) -> None:
    """Every node's kube-proxy works so once this returns. Raises NotReady when one does not come up."""
    config, daemons = await _look(api)
    kept = _kept(daemons)
    was = {"config": kept["config"], "command": kept["command"]} if kept else _now(config, daemons)
    command = [word for word in _command_of(daemons) if not re.match(r"--?v=", word)]
    await _write(
        api,
        config=with_mode(_text_of(config), mode),
        command=[*command, f"--v={verbosity}"],
        before=json.dumps(was | {"session": session}),
    )
    await _wait_until_rolled_out(api)


async def restore_proxy(api: Api) -> None:
    """As it was before labs changed it; nothing where none did."""
    try:
        _config, daemons = await _look(api)
    except NotFound:  # a cluster may do without
        return
    if was := _kept(daemons):
        await _write(api, config=was["config"], command=was["command"], before=None)


async def session_of_proxy(api: Api) -> str:
    """The session that changed it last; empty where it is as it was."""
    try:
        return _kept(await api.request("GET", _DAEMONS)).get("session", "")
    except NotFound:
        return ""


def with_mode(config: str, mode: str) -> str:
    """The text of a KubeProxyConfiguration with another mode."""
    line = f"mode: {mode}"
    return _MODE.sub(line, config) if _MODE.search(config) else f"{config.rstrip()}\n{line}\n"


async def _look(api: Api) -> tuple[dict, dict]:
    return await api.request("GET", _CONFIG), await api.request("GET", _DAEMONS)


def _kept(daemons: dict) -> dict:
    return json.loads((daemons["metadata"].get("annotations") or {}).get(BEFORE, "{}"))


def _now(config: dict, daemons: dict) -> dict:
    return {"config": _text_of(config), "command": _command_of(daemons)}


def _text_of(config: dict) -> str:
    return config["data"]["config.conf"]


def _command_of(daemons: dict) -> list[str]:
    return daemons["spec"]["template"]["spec"]["containers"][0]["command"]


async def _write(api: Api, *, config: str, command: list[str], before: str | None) -> None:
    """New pods are made even when only the configuration changed: kube-proxy reads it when it starts."""
    await api.request("PATCH", _CONFIG, body={"data": {"config.conf": config}}, content_type=MERGE)
    stamp = {"kubectl.kubernetes.io/restartedAt": datetime.now(UTC).isoformat()}
    spec = {"containers": [{"name": "kube-proxy", "command": command}]}
    template = {"metadata": {"annotations": stamp}, "spec": spec}
    body = {"metadata": {"annotations": {BEFORE: before}}, "spec": {"template": template}}
    await api.request("PATCH", _DAEMONS, body=body, content_type=STRATEGIC)


async def _wait_until_rolled_out(api: Api) -> None:
    deadline = time.monotonic() + ROLLOUT_SECONDS
    while not is_rolled_out(await api.request("GET", _DAEMONS)):
        if time.monotonic() > deadline:
            raise NotReady(f"kube-proxy did not come up on every node within {ROLLOUT_SECONDS} s")
        await asyncio.sleep(LOOK_AGAIN)


def is_rolled_out(daemons: dict) -> bool:
    status = daemons.get("status", {})
    wanted = status.get("desiredNumberScheduled", 0)
    return (
        status.get("observedGeneration") == daemons["metadata"]["generation"]
        and status.get("updatedNumberScheduled", 0) == wanted
        and status.get("numberAvailable", 0) == wanted
    )
