"""From a container's manifest to a running container."""

from dataclasses import dataclass
from pathlib import Path

from netlab import images
from netlab.controllers import tokens
from netlab.node import env, volumes
from netlab.node.agents import AgentContainer, AgentFailure
from netlab.node.bundle import Mount, Plan
from netlab.node.containers import Container, StartError
from netlab.node.env import ConfigError
from netlab.node.pods import PodSandbox
from netlab.store import NotFound

_KEPT_RUNS = 2  # this one and the previous, for `kubectl logs --previous`
_TERMINATION_LIMIT = 4096


class ImageUnknown(Exception):
    """netlab has no such image; the message names those it has."""


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
        maker = volumes.VolumeMaker(self._store, sandbox, _issue_token)
        made = maker.make_all(pod)
        files = sandbox.write_identity_files(pod, self._runtime.topology)
        return Prepared(sandbox, files, made)

    def refresh(self, pod: dict, sandbox: PodSandbox) -> None:
        """Write the volumes anew: changed ConfigMaps and Secrets, fresh tokens. Raises ConfigError."""
        volumes.VolumeMaker(self._store, sandbox, _issue_token).make_all(pod)

    def find_image(self, spec: dict) -> images.Image:
        """Raises ImageUnknown."""
        found = images.find(spec["image"])
        if found is None:
            known = ", ".join(image.reference for image in images.CATALOG)
            why = f"netlab pulls nothing from registries, it has {known}"
            raise ImageUnknown(f'failed to resolve image "{spec["image"]}": {why}')
        return found

    async def start(self, pod: dict, spec: dict, prepared: Prepared) -> Container:
        """Raises ConfigError, ImageUnknown or containers.StartError."""
        image = self.find_image(spec)
        if image in images.AGENTS:
            return self._start_agent(pod, spec, image, prepared)
        container = Container(prepared.sandbox, spec["name"], self._runtime.bounds)
        plan = self._plan(pod, spec, image, prepared, container)
        container.mount_root(self._runtime.image_root(image))
        try:
            await container.start(plan, stdin=bool(spec.get("stdin")), stdin_once=bool(spec.get("stdinOnce")))
        except BaseException:
            await container.discard()
            raise
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
        self, pod: dict, spec: dict, image: images.Image, prepared: Prepared, container: Container
    ) -> Plan:
        security = _security(pod, spec)
        environment = env.build(self._store, pod, spec, hostname=prepared.sandbox.hostname)
        return Plan(
            argv=_argv(spec, image, environment),
            env=environment,
            root=container.root,
            namespaces={**prepared.sandbox.namespaces, **_process_space(spec, prepared.sandbox)},
            mounts=self._mounts(pod, spec, prepared, container),
            security=security,
            working_dir=spec.get("workingDir") or "/",
            tty=bool(spec.get("tty")),
            tty_group=self._runtime.has_groups,
            process_limit=self._runtime.bounds.process_limit,
            hooks=self._runtime.bounds.hooks,
        )

    def _mounts(self, pod: dict, spec: dict, prepared: Prepared, container: Container) -> list[Mount]:
        own = [Mount(source, target) for target, source in prepared.files.items()]
        message = container.termination_file
        message.parent.mkdir(parents=True, exist_ok=True)
        message.touch(mode=0o666)
        message.chmod(0o666)
        own.append(Mount(message, spec.get("terminationMessagePath") or "/dev/termination-log"))
        return own + volumes.mounts_of(spec, prepared.volumes, volumes.written_by_node(pod))


def _remember(prepared: Prepared, container):
    runs = prepared.sandbox.containers.setdefault(container.name, [])
    runs.append(container)
    del runs[:-_KEPT_RUNS]
    return container


def _process_space(spec: dict, sandbox: PodSandbox) -> dict[str, Path]:
    """A debugging container sees the processes of the container it targets. Raises ConfigError."""
    target = spec.get("targetContainerName")
    if not target:
        return {}
    runs = sandbox.containers.get(target)
    pid = getattr(runs[-1], "pid", 0) if runs and runs[-1].running else 0  # a part of netlab has no process
    if not pid:
        raise ConfigError(f"target container {target} has no running process")
    return {"pid": Path(f"/proc/{pid}/ns/pid")}


def _issue_token(pod: dict, source: dict) -> str:
    options = {"seconds": source.get("expirationSeconds") or 3600}
    if source.get("audience"):
        options["audiences"] = (source["audience"],)
    meta, account = pod["metadata"], pod["spec"].get("serviceAccountName") or "default"
    try:
        return tokens.issue(meta["namespace"], account, pod, **options)
    except NotFound as error:
        raise ConfigError(f"service account {account}: {error}") from error


def _argv(spec: dict, image: images.Image, environment: dict[str, str]) -> list[str]:
    command, args = spec.get("command"), spec.get("args") or []
    words = list(command) + args if command else args or list(image.command)
    return [env.expand(str(word), environment) for word in words]


def _security(pod: dict, spec: dict) -> dict:
    """The container's securityContext over the pod's. Raises ConfigError for a root that is forbidden."""
    security = {**(pod["spec"].get("securityContext") or {}), **(spec.get("securityContext") or {})}
    if security.get("runAsNonRoot") and not security.get("runAsUser"):
        raise ConfigError("container has runAsNonRoot and image will run as root")
    return security


def termination_message(spec: dict, container: Container, code: int) -> str:
    """What the container left in its termination file, or the end of its log where the manifest says so."""
    text = container.read_termination_file(_TERMINATION_LIMIT)
    if text or code == 0 or spec.get("terminationMessagePolicy") != "FallbackToLogsOnError":
        return text
    return container.log.tail(2048)
