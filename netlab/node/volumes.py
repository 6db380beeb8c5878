"""Volumes of a pod as directories of the node: emptyDir, configMap, secret and their like, and claims."""

import os
import stat
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from netlab import linux
from netlab.node import disks
from netlab.node.bundle import Mount
from netlab.node.downward import field_value
from netlab.node.env import ConfigError, read_data
from netlab.node.pods import PodSandbox
from netlab.schema.quantities import amount

_DEFAULT_MODE = 0o644
_HELD = "path."  # begins the names of what is held for the moment; no volume may have such a name
_serial = count(1)


@dataclass(frozen=True)
class File:
    data: bytes
    mode: int = _DEFAULT_MODE


class VolumeMaker:
    """Makes a pod's volumes, and brings them up to date when asked again.

    `issue_token(pod, source)` gives a service-account token.
    """

    def __init__(self, store, sandbox: PodSandbox, issue_token):
        self._store, self._sandbox, self._issue_token = store, sandbox, issue_token

    def make_all(self, pod: dict) -> dict[str, Path]:
        """The directory of each volume by its name. Raises ConfigError."""
        return {volume["name"]: self._make(pod, volume) for volume in pod["spec"].get("volumes") or []}

    def _make(self, pod: dict, volume: dict) -> Path:
        if "emptyDir" in volume:
            return self._empty(volume, self._group(pod))
        if "persistentVolumeClaim" in volume:
            return self._claimed(pod, volume["persistentVolumeClaim"]["claimName"])
        directory = self._sandbox.directory / "volumes" / volume["name"]
        directory.mkdir(exist_ok=True)
        files = self._files(pod, volume)
        for path, file in files.items():
            _write(directory, path, file, self._group(pod))
        for path in directory.rglob("*"):
            if path.is_file() and str(path.relative_to(directory)) not in files:
                path.unlink()
        return directory

    def _group(self, pod: dict) -> int | None:
        """Whom the pod's volumes belong to, besides root."""
        return (pod["spec"].get("securityContext") or {}).get("fsGroup")

    def _empty(self, volume: dict, group: int | None) -> Path:
        directory = self._sandbox.directory / "fs" / f"volume-{volume['name']}"
        if directory.exists():
            return directory
        directory.mkdir()
        directory.chmod(0o777)
        limit = (volume["emptyDir"] or {}).get("sizeLimit")
        if limit:
            options = f"mode=777,size={int(amount(limit))}"
            linux.mount("tmpfs", str(directory), "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, options)
        _share(directory, group)
        return directory

    def _claimed(self, pod: dict, name: str) -> Path:
        claim = self._store.find("persistentvolumeclaims", pod["metadata"]["namespace"], name)
        volume = self._store.find(
            "persistentvolumes", None, (claim or {"spec": {}})["spec"].get("volumeName") or ""
        )
        if claim is None or volume is None:
            raise ConfigError(f'persistentvolumeclaim "{name}" is not bound to a volume')
        try:
            directory = disks.directory(volume, self._sandbox.node.name)
        except OSError as error:
            raise ConfigError(f'volume "{volume["metadata"]["name"]}": {error}') from error
        _share(directory, self._group(pod))
        return directory

    def _files(self, pod: dict, volume: dict) -> dict[str, File]:
        for kind, read in self._readers().items():
            if kind in volume:
                return read(pod, volume[kind] or {}, None)
        kinds = ", ".join(sorted(set(volume) - {"name"})) or "no source"
        raise ConfigError(f'volume "{volume["name"]}": netlab does not offer {kinds}')

    def _readers(self) -> dict:
        return {
            "configMap": self._config_map,
            "secret": self._secret,
            "downwardAPI": self._downward,
            "projected": self._projected,
        }

    def _config_map(self, pod: dict, source: dict, mode: int | None) -> dict[str, File]:
        data = read_data(self._store, pod, "configmaps", source["name"], optional=source.get("optional"))
        return _select(data, source, mode)

    def _secret(self, pod: dict, source: dict, mode: int | None) -> dict[str, File]:
        name = source.get("secretName") or source.get("name")
        return _select(
            read_data(self._store, pod, "secrets", name, optional=source.get("optional")), source, mode
        )

    def _downward(self, pod: dict, source: dict, mode: int | None) -> dict[str, File]:
        fields = [item for item in source.get("items") or [] if "fieldRef" in item]
        fallback = source.get("defaultMode", mode or _DEFAULT_MODE)
        return {
            item["path"]: File(
                field_value(pod, item["fieldRef"]["fieldPath"]).encode(), item.get("mode", fallback)
            )
            for item in fields
        }

    def _projected(self, pod: dict, source: dict, _: int | None) -> dict[str, File]:
        mode = source.get("defaultMode", _DEFAULT_MODE)
        readers = {**self._readers(), "serviceAccountToken": self._token}
        files: dict[str, File] = {}
        for part in source.get("sources") or []:
            for kind, value in part.items():
                if kind not in readers:
                    raise ConfigError(f"projected volumes of netlab do not offer {kind}")
                files |= readers[kind](pod, value or {}, mode)
        return files

    def _token(self, pod: dict, source: dict, mode: int | None) -> dict[str, File]:
        return {source["path"]: File(self._issue_token(pod, source).encode(), mode or _DEFAULT_MODE)}


def _select(data: dict[str, bytes], source: dict, mode: int | None) -> dict[str, File]:
    fallback = source.get("defaultMode", mode or _DEFAULT_MODE)
    items = source.get("items")
    if not items:
        return {key: File(value, fallback) for key, value in data.items()}
    missing = [item["key"] for item in items if item["key"] not in data]
    if missing and not source.get("optional"):
        raise ConfigError(f"references non-existent config key: {missing[0]}")
    return {
        item["path"]: File(data[item["key"]], item.get("mode", fallback))
        for item in items
        if item["key"] in data
    }


def _give(path: Path, group: int) -> None:
    try:
        os.chown(path, -1, group)
    except OSError as error:
        why = "netlab has a single group id here: start it as root, or give its user a range in /etc/subgid"
        raise ConfigError(f"fsGroup {group}: {why}") from error


def _share(directory: Path, group: int | None) -> None:
    if group is not None:
        _give(directory, group)
        directory.chmod(0o2777)  # what is made in it belongs to the group, too


def _write(directory: Path, path: str, file: File, group: int | None) -> None:
    if path.startswith("/") or ".." in Path(path).parts:
        raise ConfigError(f"the path {path!r} leaves its volume")
    target = directory / path
    target.parent.mkdir(parents=True, exist_ok=True)
    # Replaced in one step: a container may be reading it.
    fresh = target.with_name(f".{target.name}.new")
    fresh.write_bytes(file.data)
    if group is not None:
        _give(fresh, group)
    fresh.chmod(file.mode if group is None else file.mode | 0o440)
    fresh.replace(target)


def mounts_of(container: dict, volumes: dict[str, Path], read_only: set[str], place: Path) -> list[Mount]:
    """The binds a container asks for; `release` them when it has started. Raises ConfigError.

    `read_only` names volumes nobody may write; in `place` paths within volumes are held.
    """
    mounts: list[Mount] = []
    try:
        for wanted in container.get("volumeMounts") or []:
            name = wanted["name"]
            if name not in volumes:
                raise ConfigError(f'the pod has no volume "{name}"')
            shut = bool(wanted.get("readOnly")) or name in read_only
            source = _below(volumes[name], wanted.get("subPath"), name not in read_only, place)
            mounts.append(Mount(source, wanted["mountPath"], shut))
    except BaseException:
        release(mounts)
        raise
    return mounts


def release(mounts: list[Mount]) -> None:
    """Let go of paths within volumes: the container has its own hold of them."""
    for mount in mounts:
        if mount.source.name.startswith(_HELD):
            linux.umount(str(mount.source))
            mount.source.rmdir() if mount.source.is_dir() else mount.source.unlink()


def _below(directory: Path, sub_path: str | None, make: bool, place: Path) -> Path:
    if not sub_path:
        return directory
    if sub_path.startswith("/") or ".." in Path(sub_path).parts:
        raise ConfigError(f"subPath {sub_path!r} leaves its volume")
    try:
        found = linux.open_below(directory, Path(sub_path).parts, make=make)
    except FileNotFoundError as error:
        raise ConfigError(f"subPath {sub_path!r} is not in the volume") from error
    except OSError as error:
        raise ConfigError(f"subPath {sub_path!r}: {error}") from error
    try:
        return _hold(found, place / f"{_HELD}{next(_serial)}")
    finally:
        os.close(found)


def _hold(descriptor: int, target: Path) -> Path:
    """A container may put a link where a path leads at any moment: what was found is bound elsewhere."""
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        target.mkdir()
    else:
        target.touch()
    linux.bind(f"/proc/self/fd/{descriptor}", str(target))
    return target


def written_by_node(pod: dict) -> set[str]:
    """Names of volumes whose content is the node's, or that are claimed to be read: nobody writes them."""
    return {volume["name"] for volume in pod["spec"].get("volumes") or [] if not _is_writable(volume)}


def _is_writable(volume: dict) -> bool:
    claim = volume.get("persistentVolumeClaim")
    return "emptyDir" in volume or (claim is not None and not claim.get("readOnly"))
