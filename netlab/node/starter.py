"""From a container's manifest to a running container."""

import time
from dataclasses import dataclass
from pathlib import Path

from netlab import images
from netlab.images import reference
from netlab.images.library import AnyImage, UnpackError
from netlab.images.pulling import PullError
from netlab.images.reference import InvalidName
from netlab.node import env, users, volumes
from netlab.node.agents import AgentContainer, AgentFailure
from netlab.node.bundle import Mount, Plan
from netlab.node.containers import Container, StartError
from netlab.node.env import ConfigError
from netlab.node.pods import PodSandbox
from netlab.store import NotFound

# As the first process of a pod it is given the orphans, which end unseen where SIGCHLD is ignored.
_PAUSE = ["sh", "-c", "trap '' CHLD; exec sleep infinity"]
_KEPT_RUNS = 2  # this one and the previous, for `kubectl logs --previous`
_TERMINATION_LIMIT = 4096


class ImageUnknown(Exception):
    """netlab has no such image: the reason as a kubelet calls it, and a message that names those it has."""

    def __init__(self, reason: str, message: str):
        super().__init__(message)
        self.reason = reason


@dataclass
class Prepared:
    """What all containers of the pod share once its volumes are made."""

    sandbox: PodSandbox
    files: dict[str, Path]  # /etc/hosts and its like
    volumes: dict[str, Path]


class Starter:
    def __init__(self, store, runtime):
        self._store, self._runtime = store, runtime

    def prepare(self, pod: dict, sandbox: PodSandbox) -> Prepared:
        """Write the pod's files and volumes. Raises ConfigError; call it again when it did."""
        maker = volumes.VolumeMaker(self._store, sandbox, self._issue_token)
        made = maker.make_all(pod)
        files = sandbox.write_identity_files(pod, self._runtime.topology)
        return Prepared(sandbox, files, made)

    async def share_processes(self, pod: dict, sandbox: PodSandbox) -> None:
        """One more container holds the pid namespace that the others join. Raises containers.StartError."""
        if not pod["spec"].get("shareProcessNamespace") or sandbox.pause:
            return
        pause = Container(sandbox, "pause", self._runtime.bounds)
        plan = Plan(
            argv=_PAUSE,
            env={"PATH": "/usr/bin:/bin"},
            root=pause.root,
            namespaces=sandbox.namespaces,
            mounts=[],
            security={"capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True},
            tty_group=self._runtime.has_groups,
            process_limit=self._runtime.bounds.process_limit,
            hooks=self._runtime.bounds.hooks,
        )
        try:
            pause.mount_root(self._runtime.toolbox)
            await pause.start(plan, stdin=False, stdin_once=False)
        except BaseException:
            await pause.discard()
            raise
        sandbox.pause = pause

    def refresh(self, pod: dict, sandbox: PodSandbox) -> None:
        """Write the volumes anew: changed ConfigMaps and Secrets, fresh tokens. Raises ConfigError."""
        volumes.VolumeMaker(self._store, sandbox, self._issue_token).make_all(pod)

    def _issue_token(self, pod: dict, source: dict) -> str:
        options = {"seconds": source.get("expirationSeconds") or 3600}
        if source.get("audience"):
            options["audiences"] = (source["audience"],)
        meta, account = pod["metadata"], pod["spec"].get("serviceAccountName") or "default"
        try:
            return self._runtime.tokens.issue(meta["namespace"], account, pod, **options)
        except NotFound as error:
            raise ConfigError(f"service account {account}: {error}") from error

    def find_image(self, spec: dict) -> AnyImage:
        """Raises ImageUnknown."""
        try:
            found = self._runtime.library.find(spec["image"])
        except InvalidName as error:
            raise ImageUnknown("InvalidImageName", str(error)) from error
        if found is not None:
            return found
        if spec.get("imagePullPolicy") == "Never":
            why = f'Container image "{spec["image"]}" is not present with pull policy of Never'
            raise ImageUnknown("ErrImageNeverPull", why)
        known = ", ".join(image["names"][-1] for image in self._runtime.library.listed())
        why = self._refusal(spec) or "it was not pulled yet"
        message = f'failed to resolve image "{spec["image"]}": {why}; there are {known}'
        raise ImageUnknown("ErrImagePull", message)

    def must_pull(self, spec: dict) -> bool:
        """Is the image one to fetch before it can be found?"""
        try:
            self.find_image(spec)
        except ImageUnknown as error:
            return error.reason == "ErrImagePull" and not self._refusal(spec)
        return False

    async def pull_image(self, spec: dict) -> str:
        """What a kubelet says when it has pulled one. Raises ImageUnknown."""
        began = time.monotonic()
        try:
            await self._runtime.puller.pull(reference.full(spec["image"]))
        except PullError as error:
            raise ImageUnknown("ErrImagePull", f'failed to pull image "{spec["image"]}": {error}') from error
        took = f"{time.monotonic() - began:.3g}s"
        return f'Successfully pulled image "{spec["image"]}" in {took} ({took} including waiting)'

    def _refusal(self, spec: dict) -> str:
        """Why the image may not be pulled; empty when it may."""
        return self._runtime.puller.refuse(reference.full(spec["image"]))

    async def start(self, pod: dict, spec: dict, prepared: Prepared) -> Container:
        """Raises ConfigError, ImageUnknown or containers.StartError."""
        image = self.find_image(spec)
        if isinstance(image, images.Image) and image in images.AGENTS:
            return self._start_agent(pod, spec, image, prepared)
        try:
            root = await self._runtime.library.root_of(image)
        except UnpackError as error:
            raise StartError(f"failed to unpack image: {error}") from error
        container = Container(prepared.sandbox, spec["name"], self._runtime.bounds)
        security = users.apply(_security(pod, spec), image.config.user, root)
        plan = self._plan(pod, spec, image.config, prepared, container, security)
        try:
            container.mount_root(root)
            await container.start(plan, stdin=bool(spec.get("stdin")), stdin_once=bool(spec.get("stdinOnce")))
        except BaseException:
            await container.discard()
            raise
        finally:
            volumes.release(plan.mounts)
        return _remember(prepared, container)

    def _start_agent(self, pod: dict, spec: dict, image: images.Image, prepared: Prepared):
        try:
            work = self._runtime.agents.work(pod, spec, image.name, prepared.volumes)
        except AgentFailure as failure:
            raise StartError(str(failure)) from failure
        container = AgentContainer(prepared.sandbox, spec["name"])
        container.start(work)
        return _remember(prepared, container)

    def _plan(
        self,
        pod: dict,
        spec: dict,
        image: images.Config,
        prepared: Prepared,
        container: Container,
        security: dict,
    ) -> Plan:
        environment = env.build(self._store, pod, spec, hostname=prepared.sandbox.hostname, image=image.env)
        return Plan(
            argv=_argv(spec, image, environment),
            env=environment,
            root=container.root,
            namespaces={**prepared.sandbox.namespaces, **_process_space(spec, prepared.sandbox)},
            mounts=self._mounts(pod, spec, prepared, container),
            security=security,
            working_dir=spec.get("workingDir") or image.working_dir or "/",
            tty=bool(spec.get("tty")),
            tty_group=self._runtime.has_groups,
            process_limit=self._runtime.bounds.process_limit,
            limits=(spec.get("resources") or {}).get("limits") or {},
            hooks=self._runtime.bounds.hooks,
        )

    def _mounts(self, pod: dict, spec: dict, prepared: Prepared, container: Container) -> list[Mount]:
        own = [Mount(source, target) for target, source in prepared.files.items()]
        message = container.termination_file
        message.parent.mkdir(parents=True, exist_ok=True)
        message.touch(mode=0o666)
        message.chmod(0o666)
        own.append(Mount(message, spec.get("terminationMessagePath") or "/dev/termination-log"))
        return own + volumes.mounts_of(
            spec, prepared.volumes, volumes.written_by_node(pod), prepared.sandbox.directory / "volumes"
        )


def _remember(prepared: Prepared, container):
    runs = prepared.sandbox.containers.setdefault(container.name, [])
    runs.append(container)
    del runs[:-_KEPT_RUNS]
    return container


def _process_space(spec: dict, sandbox: PodSandbox) -> dict[str, Path]:
    """A debugging container sees the processes of the container it targets. Raises ConfigError."""
    if sandbox.pause:
        return {"pid": Path(f"/proc/{sandbox.pause.pid}/ns/pid")}
    target = spec.get("targetContainerName")
    if not target:
        return {}
    runs = sandbox.containers.get(target)
    pid = getattr(runs[-1], "pid", 0) if runs and runs[-1].running else 0  # a part of netlab has no process
    if not pid:
        raise ConfigError(f"target container {target} has no running process")
    return {"pid": Path(f"/proc/{pid}/ns/pid")}


def _argv(spec: dict, image: images.Config, environment: dict[str, str]) -> list[str]:
    """A command replaces the image's entrypoint too, args only its command. Raises StartError."""
    command, args = spec.get("command") or [], spec.get("args") or []
    words = [*command, *args] if command else [*image.entrypoint, *(args or image.command)]
    if not words:
        raise StartError("no command specified")
    return [env.expand(str(word), environment) for word in words]


def _security(pod: dict, spec: dict) -> dict:
    """The container's securityContext over the pod's."""
    return {**(pod["spec"].get("securityContext") or {}), **(spec.get("securityContext") or {})}


def termination_message(spec: dict, container: Container, code: int) -> str:
    """What the container left in its termination file, or the end of its log where the manifest says so."""
    text = container.read_termination_file(_TERMINATION_LIMIT)
    if text or code == 0 or spec.get("terminationMessagePolicy") != "FallbackToLogsOnError":
        return text
    return container.log.tail(2048)
