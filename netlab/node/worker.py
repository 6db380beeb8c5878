"""The life of one pod on its node, from binding to removal.

    open the sandbox -> init containers one by one -> main containers, each kept running by its policy
    deletion (at any time): TERM, the grace period, KILL, close the sandbox, remove the object

Every change of a container's record is followed by `_publish`, which writes the pod's status. The pod's
object is only removed when nothing of it is left on the machine.
"""

import asyncio
import contextlib
import logging
import signal
import time

from netlab.node import hooks, status
from netlab.node.backoff import Backoff
from netlab.node.containers import Container, StartError
from netlab.node.env import ConfigError
from netlab.node.health import Health
from netlab.node.pods import NoAddressLeft, PodSandbox
from netlab.node.processes import CommandError
from netlab.node.starter import ImageUnknown, Prepared, Starter, termination_message
from netlab.node.status import ContainerRecord, PodFacts, resume
from netlab.node.uplink import Unreachable
from netlab.store import NotFound, clock, events, full_name, key_of
from netlab.topology import Node

_log = logging.getLogger(__name__)
_REFRESH_SECONDS = 60  # a changed ConfigMap shows within this time; tokens never grow old
_OVERDUE = ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
_RETRY_SECONDS = 2.0  # for what may come into being meanwhile: a ConfigMap, an address


class PodWorker:
    def __init__(self, store, runtime, node: Node, pod: dict):
        self._store, self._runtime, self._node, self._pod = store, runtime, node, pod
        self._starter = Starter(store, runtime)
        self._sandbox: PodSandbox | None = None
        self._live: dict[str, Container] = {}
        self._prepared: Prepared | None = None  # while containers can be started
        self._debuggers: set[asyncio.Task] = set()
        self._sidecars: list[asyncio.Task] = []
        self._changed = asyncio.Event()  # a container's record is another than a moment ago
        self._deletion = asyncio.Event()
        self._grace = 0.0
        spec = pod["spec"]
        self._facts = PodFacts(
            init=_records(spec.get("initContainers")),
            main=[ContainerRecord(one["name"], one["image"]) for one in spec["containers"]],
            restart_policy=spec.get("restartPolicy") or "Always",
            gates=[gate["conditionType"] for gate in spec.get("readinessGates") or []],
            host_ip=str(node.address),
            started=clock.now(),
        )
        for record in self._facts.main if self._facts.init else []:
            record.wait("PodInitializing")
        resume(self._facts, pod.get("status", {}))

    @property
    def uid(self) -> str:
        return self._pod["metadata"]["uid"]

    def update(self, pod: dict) -> None:
        """The object changed: take note of new fields, and of a deletion mark."""
        self._pod = pod
        meta = pod["metadata"]
        if meta.get("deletionTimestamp"):
            self.end(meta.get("deletionGracePeriodSeconds") or 0)
        self._start_debuggers()
        if self._facts.gates and self._prepared is not None:
            self._publish()

    def report(self) -> None:
        """Write the pod's status as it is now."""
        self._publish()

    def end(self, grace: float) -> None:
        """Stop the pod within `grace` seconds; a second call may only shorten it."""
        self._grace = min(self._grace, grace) if self._deletion.is_set() else grace
        if self._deletion.is_set() and grace == 0:
            for container in self._live.values():
                container.signal(signal.SIGKILL)
        self._deletion.set()

    async def run(self) -> None:
        life = asyncio.create_task(self._life(), name=f"life of {full_name(self._pod)}")
        deletion = asyncio.create_task(self._deletion.wait())
        try:
            deadline = self._pod["spec"].get("activeDeadlineSeconds")
            await asyncio.wait({life, deletion}, timeout=deadline, return_when=asyncio.FIRST_COMPLETED)
            if life.done():
                await self._rest(life.exception())
            elif not deletion.done():
                await self._end_overdue(life)
            await deletion
        finally:
            for task in (life, deletion):
                task.cancel()
            await asyncio.gather(life, deletion, return_exceptions=True)
            await self._end_debuggers()
            await self._finish()

    async def _end_overdue(self, life: asyncio.Task) -> None:
        """The pod has been active for as long as its manifest allows: it fails, whatever it does."""
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)
        self._facts.failure = _OVERDUE
        self._tell(*_OVERDUE)
        self._publish()
        await self._rest(None)

    async def _rest(self, fault: BaseException | None) -> None:
        """All containers have ended for good: the address is free again, logs and status stay."""
        if fault:
            _log.error("pod %s ended by a fault of netlab", full_name(self._pod), exc_info=fault)
            self._tell("Failed", f"a fault of netlab: {fault!r}", warning=True)
        await self._end_debuggers()
        if self._sandbox is not None:
            self._grace = self._own_grace
            await self._stop_all()
            await self._runtime.end_pod(self._sandbox)
            self._facts.sandbox_ready = False
            self._publish()

    # --- coming to life

    async def _life(self) -> None:
        prepared = self._prepared = await self._prepare()
        self._start_debuggers()
        refreshing = asyncio.create_task(self._refresh_volumes(), name=f"volumes of {full_name(self._pod)}")
        try:
            if await self._run_init_containers(prepared):
                await self._run_main_containers(prepared)
        finally:
            for task in (refreshing, *self._sidecars):
                task.cancel()
            await asyncio.gather(*self._sidecars, return_exceptions=True)

    async def _run_main_containers(self, prepared: Prepared) -> None:
        async with asyncio.TaskGroup() as group:
            for spec, record in zip(self._pod["spec"]["containers"], self._facts.main, strict=True):
                group.create_task(
                    self._keep(spec, record, prepared), name=f"{full_name(self._pod)} {record.name}"
                )

    async def _refresh_volumes(self) -> None:
        while True:
            await asyncio.sleep(_REFRESH_SECONDS)
            with contextlib.suppress(ConfigError, ValueError):  # what is gone meanwhile stays as it was
                self._starter.refresh(self._with_address(), self._sandbox)

    async def _prepare(self) -> Prepared:
        while True:
            try:
                if self._sandbox is None:
                    self._sandbox = await self._runtime.open_pod(self._pod)
                    self._facts.pod_ip, self._facts.sandbox_ready = str(self._sandbox.address), True
                await self._starter.share_processes(self._pod, self._sandbox)
                return self._starter.prepare(self._with_address(), self._sandbox)
            except (NoAddressLeft, CommandError, StartError, OSError) as error:
                self._tell("FailedCreatePodSandBox", str(error), warning=True)
            except (ConfigError, ValueError) as error:
                self._tell("FailedMount", f"MountVolume.SetUp failed: {error}", warning=True)
            self._publish()
            await asyncio.sleep(_RETRY_SECONDS)

    def _with_address(self) -> dict:
        """The pod as its own containers shall see it: the address is known before the status is stored."""
        facts = self._facts
        known = {
            "podIP": facts.pod_ip,
            "podIPs": [{"ip": facts.pod_ip}],
            "hostIP": facts.host_ip,
            "hostIPs": [{"ip": facts.host_ip}],
        }
        return {**self._pod, "status": {**self._pod.get("status", {}), **known}}

    async def _run_init_containers(self, prepared: Prepared) -> bool:
        """True when every one has succeeded; False when the pod has failed by its policy."""
        for spec, record in zip(self._pod["spec"].get("initContainers") or [], self._facts.init, strict=True):
            if record.sidecar:
                await self._start_sidecar(spec, record, prepared)
                continue
            policy = "Never" if self._facts.restart_policy == "Never" else "OnFailure"
            await self._keep(spec, record, prepared, policy=policy)
            if record.terminated["exitCode"] != 0:
                self._publish()
                return False
            record.ready = True
        for record in self._facts.main if self._facts.init else []:
            record.wait("ContainerCreating")
        return True

    async def _start_sidecar(self, spec: dict, record: ContainerRecord, prepared: Prepared) -> None:
        """Returns when it has started, which its startup probe may put off. It ends after the others."""
        keeping = self._keep(spec, record, prepared, policy="Always")
        self._sidecars.append(asyncio.create_task(keeping, name=f"{full_name(self._pod)} {record.name}"))
        while not record.started:
            self._changed.clear()
            await self._changed.wait()

    # --- containers added to a running pod (kubectl debug)

    def _start_debuggers(self) -> None:
        if self._prepared is None or self._deletion.is_set():
            return
        known = {record.name for record in self._facts.ephemeral}
        for spec in self._pod["spec"].get("ephemeralContainers") or []:
            if spec["name"] not in known:
                record = ContainerRecord(spec["name"], spec["image"])
                self._facts.ephemeral.append(record)
                task = asyncio.create_task(self._debug(spec, record, self._prepared))
                self._debuggers.add(task)
                task.add_done_callback(self._on_debugger_end)

    async def _debug(self, spec: dict, record: ContainerRecord, prepared: Prepared) -> None:
        """It runs once and is never ready: no traffic is meant for it."""
        container = await self._begin(spec, record, prepared)
        if container is not None:
            self._publish()
            self._note_end(spec, record, container, await asyncio.shield(container.ended))

    def _on_debugger_end(self, task: asyncio.Task) -> None:
        self._debuggers.discard(task)
        if not task.cancelled() and task.exception():
            _log.error(
                "a debugging container of %s ended by a fault",
                full_name(self._pod),
                exc_info=task.exception(),
            )

    async def _end_debuggers(self) -> None:
        """No more are started; what runs of them is stopped with the other containers."""
        self._prepared, waiting = None, list(self._debuggers)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    # --- one container, run after run

    async def _keep(self, spec: dict, record: ContainerRecord, prepared: Prepared, policy: str = "") -> None:
        """Run a container until its policy says that it is done."""
        policy = policy or self._facts.restart_policy
        pause = Backoff()
        while True:
            began = time.monotonic()
            code = await self._run_once(spec, record, prepared)
            if policy == "Never" or (policy == "OnFailure" and code == 0):
                return
            await self._before_restart(record, pause.after_run(time.monotonic() - began))

    async def _before_restart(self, record: ContainerRecord, seconds: float) -> None:
        record.begin_again()
        if seconds == 0:
            return
        who = f"container={record.name} pod={self._pod['metadata']['name']}"
        message = f"back-off {seconds:.0f}s restarting failed {who}"
        record.wait("CrashLoopBackOff", message)
        self._tell(
            "BackOff", f"Back-off restarting failed container {record.name}", record.name, warning=True
        )
        self._publish()
        await asyncio.sleep(seconds)

    async def _run_once(self, spec: dict, record: ContainerRecord, prepared: Prepared) -> int:
        container = await self._begin(spec, record, prepared)
        if container is None:
            return record.terminated["exitCode"]
        health = Health(
            spec,
            record,
            container,
            self._facts.pod_ip,
            tell=self._tell,
            publish=self._publish,
            end=lambda: self._terminate(spec, container, self._own_grace),
        )
        probes = asyncio.create_task(health.watch(), name=f"probes {container.id}")
        self._publish()
        try:
            code = await asyncio.shield(container.ended)
        finally:
            probes.cancel()
            await asyncio.gather(probes, return_exceptions=True)
        self._note_end(spec, record, container, code)
        return code

    async def _begin(self, spec: dict, record: ContainerRecord, prepared: Prepared) -> Container | None:
        container = await self._start(spec, record, prepared)
        if container is not None:
            self._live[record.name] = container
            await self._after_start(spec, container)
            record.run(container.id, container.started_at)
            self._tell("Started", f"Container started: {record.name}", record.name)
        return container

    async def _after_start(self, spec: dict, container: Container) -> None:
        """The postStart hook: until it is over the container does not count as running."""
        hook = (spec.get("lifecycle") or {}).get("postStart")
        failure = await hooks.run_hook(hook, spec, container, self._facts.pod_ip) if hook else None
        if failure is not None:
            self._tell("FailedPostStartHook", f"PostStartHook failed: {failure}", spec["name"], warning=True)
            await self._terminate(spec, container, self._own_grace)

    async def _terminate(self, spec: dict, container: Container, grace: float) -> None:
        """The preStop hook, then TERM, then KILL, all within the grace period."""
        hook = (spec.get("lifecycle") or {}).get("preStop")
        if hook and grace > 0 and container.running:
            grace, failure = await hooks.before_stop(hook, spec, container, self._facts.pod_ip, grace)
            if failure is not None:
                self._tell("FailedPreStopHook", f"PreStopHook failed: {failure}", spec["name"], warning=True)
        await container.stop(grace)

    @property
    def _own_grace(self) -> float:
        return self._pod["spec"].get("terminationGracePeriodSeconds", 30)

    def _note_end(self, spec: dict, record: ContainerRecord, container: Container, code: int) -> None:
        self._live.pop(record.name, None)
        message = termination_message(spec, container, code)
        record.end(code, container.started_at, container.finished_at, message)
        if container.out_of_memory:
            record.terminated["reason"] = "OOMKilled"
        container.forget_termination_file()
        self._publish()

    async def _start(self, spec: dict, record: ContainerRecord, prepared: Prepared) -> Container | None:
        """Start it, waiting for what is missing; None when the runtime refused for good."""
        pulls = Backoff(first=10)
        while True:
            try:
                self._tell("Pulled", await self._get_image(spec, record), record.name)
                container = await self._start_whole(spec, prepared)
                self._tell("Created", f"Container created: {record.name}", record.name)
                return container
            except ImageUnknown as error:
                await self._wait_for_image(spec, record, error, pulls.next())
            except (ConfigError, ValueError) as error:
                record.wait("CreateContainerConfigError", str(error))
                self._tell("Failed", f"Error: {error}", record.name, warning=True)
                self._publish()
                await asyncio.sleep(_RETRY_SECONDS)
            except (StartError, OSError) as error:
                record.end_unstarted("StartError", str(error))
                self._tell("Failed", f"Error: {error}", record.name, warning=True)
                self._publish()
                return None

    async def _get_image(self, spec: dict, record: ContainerRecord) -> str:
        """Have it, and what there is to say of it. Raises ImageUnknown."""
        said = f'Container image "{spec["image"]}" already present on machine'
        if self._starter.must_pull(spec):
            self._tell("Pulling", f'Pulling image "{spec["image"]}"', record.name)
            said = await self._starter.pull_image(spec)
        image = self._starter.find_image(spec)
        record.image, record.image_reference = image.reference, image.image_id
        return said

    async def _start_whole(self, spec: dict, prepared: Prepared) -> Container:
        """A start is not broken off in the middle: a pod deleted meanwhile stops what came of it."""
        start = asyncio.create_task(self._starter.start(self._with_address(), spec, prepared))
        try:
            return await asyncio.shield(start)
        except asyncio.CancelledError:
            with contextlib.suppress(StartError, ConfigError, OSError):
                container = await start
                self._live[container.name] = container
            raise

    async def _wait_for_image(self, spec: dict, record: ContainerRecord, why: ImageUnknown, seconds) -> None:
        record.wait(why.reason, str(why))
        if why.reason != "ErrImagePull":
            self._tell(why.reason, str(why), record.name, warning=True)
            self._publish()
            return await self._until_loaded(spec, seconds)
        self._tell("Failed", f'Failed to pull image "{spec["image"]}": {why}', record.name, warning=True)
        self._tell("Failed", "Error: ErrImagePull", record.name, warning=True)
        self._publish()
        await asyncio.sleep(min(seconds, 1))
        record.wait("ImagePullBackOff", f'Back-off pulling image "{spec["image"]}": ErrImagePull: {why}')
        self._tell("BackOff", f'Back-off pulling image "{spec["image"]}"', record.name)
        self._publish()
        await self._until_loaded(spec, seconds)

    async def _until_loaded(self, spec: dict, seconds: float) -> None:
        """Wait, but no longer than until somebody has loaded the image."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await asyncio.sleep(1)
            with contextlib.suppress(ImageUnknown):
                self._starter.find_image(spec)
                return

    # --- the end

    async def _finish(self) -> None:
        running = list(self._live.values())
        for container in running:
            self._tell("Killing", f"Stopping container {container.name}", container.name)
        await self._stop_all()
        if self._sandbox is not None:
            await self._runtime.close_pod(self._sandbox)
        with contextlib.suppress(NotFound):
            if self._is_still_ours():
                self._store.delete("pods", *key_of(self._pod), grace=0)

    async def _stop_all(self) -> None:
        """All at once, but sidecars after the others, the last one first, in what is left of the time."""
        end = time.monotonic() + self._grace
        sidecars = [record.name for record in self._facts.init if record.sidecar]
        others = [one for name, one in self._live.items() if name not in sidecars]
        await asyncio.gather(*(self._stop(one) for one in others))
        for name in reversed(sidecars):
            if name in self._live:
                self._grace = max(end - time.monotonic(), 0)
                await self._stop(self._live[name])

    async def _stop(self, container: Container) -> None:
        """A stopped container is unready at once: its endpoint must leave before the process does."""
        records = self._facts.main + self._facts.init + self._facts.ephemeral
        record = next(r for r in records if r.name == container.name)
        record.ready = False
        self._publish()
        await self._terminate(self._spec_of(container.name), container, self._grace)
        record.end(container.ended.result(), container.started_at, container.finished_at)
        self._publish()

    # --- telling

    def _is_still_ours(self) -> bool:
        return self._store.get("pods", *key_of(self._pod))["metadata"]["uid"] == self.uid

    def _publish(self) -> None:
        self._changed.set()

        def write(pod: dict) -> None:
            if pod["metadata"]["uid"] == self.uid:
                status.write_into(pod.setdefault("status", {}), self._facts)

        with contextlib.suppress(NotFound):
            self._store.mutate("pods", *key_of(self._pod), write)

    def _tell(self, reason: str, message: str, container: str = "", *, warning: bool = False) -> None:
        with contextlib.suppress(Unreachable):
            events.record(
                self._store,
                self._pod,
                reason,
                message,
                type="Warning" if warning else "Normal",
                component="kubelet",
                host=self._node.name,
                field_path=self._field_path(container) if container else "",
            )

    def _spec_of(self, container: str) -> dict:
        return self._specs[container][1]

    def _field_path(self, container: str) -> str:
        return f"spec.{self._specs[container][0]}{{{container}}}"

    @property
    def _specs(self) -> dict[str, tuple[str, dict]]:
        """By name: the list a container stands in, and its manifest."""
        kinds = ("initContainers", "containers", "ephemeralContainers")
        return {one["name"]: (kind, one) for kind in kinds for one in self._pod["spec"].get(kind) or []}


def _records(specs: list[dict] | None) -> list[ContainerRecord]:
    return [
        ContainerRecord(spec["name"], spec["image"], sidecar=spec.get("restartPolicy") == "Always")
        for spec in specs or []
    ]
