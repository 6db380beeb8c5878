"""What netlab's parts cost: pods, exec, watches, Services, memory - one fresh cluster, one figure a line.

Each line ends with the bound the project has set itself. Figures of a busy machine are the machine's.

    .venv/bin/python tests/bench/netlab_figures.py [FIGURE ...]
"""

import asyncio
import contextlib
import itertools
import json
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import yaml
from kubernetes.aio import client, config
from kubernetes.aio.stream import WsApiClient

IMAGE = "redes.local/toolbox:0.1.0"
NODES = ("redes-control-plane", "redes-worker", "redes-worker2")
NODE = "redes-worker"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
PODS = "/api/v1/namespaces/default/pods"
SERVICES = "/api/v1/namespaces/default/services"


@dataclass
class Cluster:
    process: subprocess.Popen
    kubeconfig: Path
    http: aiohttp.ClientSession
    server: str

    async def call(self, method: str, path: str, body=None, **options) -> dict:
        async with self.http.request(method, self.server + path, json=body, **options) as answer:
            told = await answer.json()
            assert answer.status < 400 or method == "DELETE", told
            return told

    async def watch(self, path: str):
        timeout = aiohttp.ClientTimeout(total=None)
        async with self.http.get(f"{self.server}{path}?watch=true", timeout=timeout) as answer:
            async for line in answer.content:
                yield json.loads(line)

    def memory(self) -> float:
        """MiB of all processes of the cluster, shared pages divided among those that share them."""
        return sum(_pss(pid) for pid in _family(self.process.pid)) / 1024

    def processes(self) -> int:
        return len(_family(self.process.pid))


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        threads = Path(f"/proc/{pid}/task").iterdir()
        children = [c for t in threads for c in (t / "children").read_text().split()]
    except OSError:
        return []
    return [pid, *(member for child in children for member in _family(int(child)))]


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def pod(name: str, labels: dict | None = None, *command: str) -> dict:
    container = {"name": "c", "image": IMAGE, "command": list(command) or ["redes-idle"]}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    meta = {"name": name, "labels": labels or {"app": "figures"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


def is_ready(obj: dict) -> bool:
    found = obj.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in found)


async def until(cluster: Cluster, path: str, enough: Callable[[dict], bool], act: Callable[[], Awaitable]):
    """Watch before acting; returns when `enough` says so of an event."""
    changes = cluster.watch(path)
    acting: asyncio.Task | None = None
    try:
        acting = asyncio.create_task(act())
        async for event in changes:
            if enough(event):
                return
    finally:
        await changes.aclose()
        if acting:
            await acting


async def create_pods(cluster: Cluster, names: list[str]) -> float:
    """Seconds until all of them are Ready."""
    waiting, began = set(names), time.perf_counter()

    def enough(event: dict) -> bool:
        if is_ready(event["object"]):
            waiting.discard(event["object"]["metadata"]["name"])
        return not waiting

    async def act() -> None:
        await asyncio.gather(*(cluster.call("POST", PODS, pod(name)) for name in names))

    await until(cluster, PODS, enough, act)
    return time.perf_counter() - began


async def delete_pods(cluster: Cluster, names: list[str]) -> None:
    left = set(names)

    def enough(event: dict) -> bool:
        if event["type"] == "DELETED":
            left.discard(event["object"]["metadata"]["name"])
        return not left

    async def act() -> None:
        for name in names:
            await cluster.call("DELETE", f"{PODS}/{name}?gracePeriodSeconds=0")

    await until(cluster, PODS, enough, act)


async def figure_pod(cluster: Cluster) -> str:
    samples = []
    for number in range(20):
        samples.append(await create_pods(cluster, [f"one-{number}"]) * 1000)
        await delete_pods(cluster, [f"one-{number}"])
    return f"pod created to Ready: {_spread(samples)} (bound: median 150 ms)"


async def figure_hundred(cluster: Cluster) -> str:
    names = [f"many-{number}" for number in range(100)]
    seconds = await create_pods(cluster, names)
    await delete_pods(cluster, names)
    return f"100 pods created to Ready: {seconds:.2f} s (bound: 6 s)"


async def figure_memory(cluster: Cluster) -> str:
    before = cluster.memory()
    names = [f"idle-{number}" for number in range(300)]
    seconds = await create_pods(cluster, names)
    after = cluster.memory()
    await delete_pods(cluster, names)
    more = f"{after - before:.0f} more than none"
    return f"300 idle pods: {after:.0f} MiB in all, {more}, Ready in {seconds:.1f} s (bound: 1 GiB)"


async def figure_exec(cluster: Cluster) -> str:
    await create_pods(cluster, ["shell"])
    samples = []
    async with WsApiClient(configuration=client.Configuration.get_default_copy()) as streaming:
        api = client.CoreV1Api(api_client=streaming)
        for _ in range(50):
            began = time.perf_counter()
            words = {"command": ["true"], "stdout": True, "stderr": True}
            await api.connect_get_namespaced_pod_exec("shell", "default", **words)
            samples.append((time.perf_counter() - began) * 1000)
    await delete_pods(cluster, ["shell"])
    return f"exec of `true`, a new connection each: {_spread(samples)} (bound: median 25 ms)"


async def figure_events(cluster: Cluster) -> str:
    """ConfigMaps written as fast as one client can, each seen by twenty watchers."""
    path, wanted, viewers = "/api/v1/namespaces/default/configmaps", 2000, 20
    delays: list[float] = []
    listening = asyncio.Barrier(viewers + 1)
    marker = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "marker"}}

    async def look() -> None:
        seen = 0
        async for event in cluster.watch(path):
            if event["object"]["metadata"]["name"] == "marker":
                await listening.wait()
            stamp = event["object"].get("data", {}).get("at")
            if stamp:
                delays.append((time.perf_counter() - float(stamp)) * 1000)
                seen += 1
                if seen == wanted:
                    return

    watching = [asyncio.create_task(look()) for _ in range(viewers)]
    await cluster.call("POST", path, marker)
    await listening.wait()
    began = time.perf_counter()
    for number in range(wanted):
        meta = {"name": f"figure-{number}"}
        data = {"at": repr(time.perf_counter())}
        await cluster.call(
            "POST", path, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
        )
    await asyncio.gather(*watching)
    seconds = time.perf_counter() - began
    await cluster.call("DELETE", path)
    return (
        f"{wanted / seconds:.0f} events/s to {viewers} watchers, {_spread(delays)} late (bound: 500 events/s)"
    )


async def figure_services(cluster: Cluster) -> str:
    """A thousand Services of three endpoints; then one endpoint changes, and a node's rules follow: from the
    request's first byte to the kernel's own word, by xtables-monitor(8), that the rule is in force."""
    for number in range(1000):
        meta = {"name": f"svc-{number}"}
        ports = [{"port": 80, "protocol": "TCP"}]
        service = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": ports}}
        await cluster.call("POST", SERVICES, service)
        await cluster.call("POST", SLICES, piece(number, 3))
    began = time.perf_counter()
    look = f"until iptables-save -t nat | grep -qF '{destination(999, 2)}'; do :; done"
    await run_inside(cluster, NODE, "bash", "-c", look)
    seconds = time.perf_counter() - began
    samples = []
    async with new_rules(cluster, NODE) as rules:
        for number in range(50):
            began = time.perf_counter()
            await cluster.call("PUT", f"{SLICES}/svc-{number}", piece(number, 4))
            await in_force(rules, destination(number, 3))
            samples.append((time.perf_counter() - began) * 1000)
    change = f"one change in force: {_spread(samples)} (bound: median 100 ms)"
    return f"1,000 Services x 3 endpoints: programmed {seconds:.1f} s after the last; {change}"


def piece(number: int, count: int) -> dict:
    """The slice of a Service's endpoints; each of another address than any of the Service before."""
    meta = {"name": f"svc-{number}", "labels": {"kubernetes.io/service-name": f"svc-{number}"}}
    endpoints = [
        {"addresses": [destination(number, n).split(":")[0]], "conditions": {"ready": True}}
        for n in range(count)
    ]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": meta,
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [{"port": 8000 + number, "protocol": "TCP"}],
    }


def destination(number: int, endpoint: int) -> str:
    return f"10.244.200.{endpoint + 1}:{8000 + number}"


@contextlib.asynccontextmanager
async def new_rules(cluster: Cluster, node: str) -> AsyncIterator[asyncio.StreamReader]:
    """The lines in which the kernel tells of the node's rules as they come and go, from now on."""
    monitor = await asyncio.create_subprocess_exec(
        *inside(cluster, node), "stdbuf", "-oL", "xtables-monitor", "--event", stdout=subprocess.PIPE
    )
    assert monitor.stdout
    heard = asyncio.create_task(monitor.stdout.readline())
    for number in itertools.count():  # until it hears something, it does not listen yet
        await run_inside(cluster, node, "iptables", "-t", "nat", "-N", f"HEARD-{number}")
        if (await asyncio.wait([heard], timeout=0.05))[0]:
            break
    yield monitor.stdout
    monitor.terminate()
    await monitor.wait()


async def in_force(rules: asyncio.StreamReader, to: str) -> None:
    """Until a rule that sends packets there is in force."""
    async for line in rules:
        if b" -4 -t nat -A" in line and line.endswith(f" --to-destination {to}\n".encode()):
            return
    raise AssertionError("the kernel's events ended")


async def figure_growth(cluster: Cluster) -> str:
    """A thousand pods made and removed, ten at a time behind a Service: what is left of them."""
    rounds, width = 100, 10
    # Fills what is bounded first: 2,000 Events, and the last 20,000 changes, 13 of which a pod takes.
    await churn(cluster, 2 * rounds, width)
    before = await _state(cluster)
    await churn(cluster, rounds, width)
    after = await _state(cluster)
    names = ("MiB", "processes", "mounts", "rules")
    told = ", ".join(f"{a:.0f} -> {b:.0f} {name}" for a, b, name in zip(before, after, names, strict=True))
    return f"1,000 pods and 100 Services made and removed: {told} (bound: nothing grows)"


async def _state(cluster: Cluster) -> tuple[float, int, int, int]:
    await asyncio.sleep(3)  # kube-proxy and the last pods' processes come to rest
    return cluster.memory(), cluster.processes(), _mounts(cluster), await _rules(cluster)


async def churn(cluster: Cluster, rounds: int, width: int) -> None:
    for number in range(rounds):
        names = [f"churn-{number}-{n}" for n in range(width)]
        spec = {"selector": {"app": "figures"}, "ports": [{"port": 80}]}
        meta = {"name": f"churn-{number}"}
        service = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}
        await cluster.call("POST", SERVICES, service)
        await create_pods(cluster, names)
        await cluster.call("DELETE", f"{SERVICES}/churn-{number}")
        await delete_pods(cluster, names)


def _mounts(cluster: Cluster) -> int:
    server = _family(cluster.process.pid)[2]
    return len(Path(f"/proc/{server}/mounts").read_text().splitlines())


def inside(cluster: Cluster, node: str) -> list[str]:
    """The words before a command that is to run on the node."""
    server = _family(cluster.process.pid)[2]
    return ["nsenter", f"--target={server}", "--user", "--mount", "--", "ip", "netns", "exec", node]


async def run_inside(cluster: Cluster, node: str, *command: str) -> bytes:
    done = await asyncio.create_subprocess_exec(*inside(cluster, node), *command, stdout=subprocess.PIPE)
    told, _ = await done.communicate()
    assert done.returncode == 0, command
    return told


async def _rules(cluster: Cluster) -> int:
    saved = [await run_inside(cluster, node, "iptables-save") for node in NODES]
    return sum(told.count(b"\n-A ") for told in saved)


FIGURES = {
    "pod": figure_pod,
    "hundred": figure_hundred,
    "exec": figure_exec,
    "events": figure_events,
    "memory": figure_memory,
    "growth": figure_growth,
    "services": figure_services,
}


def _spread(samples: list[float]) -> str:
    p95 = statistics.quantiles(samples, n=20)[-1]
    return f"median {statistics.median(samples):.1f} ms, p95 {p95:.1f} ms, n = {len(samples)}"


async def measure(process: subprocess.Popen, kubeconfig: Path, wanted: list[str]) -> None:
    await config.load_kube_config(config_file=str(kubeconfig))
    known = yaml.safe_load(await asyncio.to_thread(kubeconfig.read_text))
    context = ssl.create_default_context(cafile=client.Configuration.get_default_copy().ssl_ca_cert)
    settings = client.Configuration.get_default_copy()
    context.load_cert_chain(settings.cert_file, settings.key_file)
    connector = aiohttp.TCPConnector(ssl=context, limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:
        cluster = Cluster(process, kubeconfig, http, known["clusters"][0]["cluster"]["server"])
        for name in wanted:
            print(await FIGURES[name](cluster), flush=True)


def main(wanted: list[str]) -> None:
    with tempfile.TemporaryDirectory() as state:
        command = [sys.executable, "-m", "netlab", "up", "--port", "0", "--state", state]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert any("Ready" in line for line in process.stdout)
            asyncio.run(measure(process, Path(state) / "kubeconfig", wanted or list(FIGURES)))
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)


if __name__ == "__main__":
    main(sys.argv[1:])
