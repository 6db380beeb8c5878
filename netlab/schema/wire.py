"""Kubernetes' protobuf bodies, read into the JSON form.

kubectl sends `create`, `auth can-i`, `create token` and others only in this form. The envelope is the
magic `k8s\\0` and a message Unknown {type meta, raw bytes}; `wire.txt` holds the field numbers. Go writes
the zero values of fields that JSON leaves out, so zeros are dropped unless the field is a pointer in Go.
"""

import base64
import re
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

from .decode import load_json

MAGIC = b"k8s\x00"
# Zero or false says something in these: they are pointers in Go.
_POINTER_NAMES = """
allowPrivilegeEscalation automountServiceAccountToken backoffLimit blockOwnerDeletion completions controller
enableServiceLinks fsGroup gracePeriodSeconds hostUsers immutable maxSurge maxUnavailable optional
orphanDependents parallelism privileged progressDeadlineSeconds readOnlyRootFilesystem ready replicas
revisionHistoryLimit runAsGroup runAsNonRoot runAsUser serving setHostnameAsFQDN shareProcessNamespace suspend
terminating terminationGracePeriodSeconds tolerationSeconds ttlSecondsAfterFinished expirationSeconds
activeDeadlineSeconds successfulJobsHistoryLimit failedJobsHistoryLimit startingDeadlineSeconds
stabilizationWindowSeconds averageUtilization minReplicas partition storageClassName
"""
_POINTERS = frozenset(_POINTER_NAMES.split())
# Written as a message of their own, but part of the parent in JSON.
_INLINED = {
    "volumeSource",
    "handler",
    "ingressRuleValue",
    "persistentVolumeSource",
    "ephemeralContainerCommon",
    "localObjectReference",
}
_LISTS = {"authorization.ExtraValue", "authentication.ExtraValue", "certificates.ExtraValue", "meta.Verbs"}
_RENAMED = {"uID": "uid", "aPIGroup": "apiGroup"}
_EMPTY_MEANS_ABSENT = {"status", "strategy", "updateStrategy", "resources", "loadBalancer", "metadata"}
_PACKAGES = {
    "v1": "core",
    "autoscaling/v1": "autoscalingv1",
    "policy/v1": "policy",
    "meta.k8s.io/v1": "meta",
}


class BadWire(Exception):
    """The bytes are not the protobuf form of the kind they claim to be."""


def decode(body: bytes) -> dict:
    """An object with apiVersion and kind. Raises BadWire."""
    if not body.startswith(MAGIC):
        raise BadWire("protobuf body does not start with the Kubernetes magic")
    try:
        envelope = dict(_fields(body[len(MAGIC) :]))
        meta = dict(_fields(envelope.get(1, b"")))
        api_version, kind = meta.get(1, b"").decode(), meta.get(2, b"").decode()
        decoded = _message(envelope.get(2, b""), _message_name(api_version, kind))
    except (
        LookupError,
        ValueError,
        OverflowError,
        OSError,
        RecursionError,
        struct.error,
        AttributeError,
        TypeError,
    ) as error:
        raise BadWire(f"malformed protobuf body: {error}") from error
    return {"apiVersion": api_version, "kind": kind, **decoded}


def _message_name(api_version: str, kind: str) -> str:
    if kind == "DeleteOptions":
        return "meta.DeleteOptions"
    package = _PACKAGES.get(api_version) or api_version.split("/")[0].split(".")[0]
    name = f"{package}.{kind}"
    if name not in _table():
        raise BadWire(f"no kind {kind!r} is registered for version {api_version!r} in protobuf")
    return name


@cache
def _table() -> dict[str, dict[int, tuple[str, str, str]]]:
    """message -> number -> (name, shape, type)."""
    table = {}
    for line in (files(__package__) / "wire.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            message, _, fields = line.partition(":")
            table[message] = dict(_parse_field(word) for word in fields.split())
    return table


def _parse_field(word: str) -> tuple[int, tuple[str, str, str]]:
    number, name, shape, kind = re.fullmatch(r"(\d+)=(\w+)(\[\]|\{\})?(?::(.+))?", word).groups()
    return int(number), (name, shape or "", kind or "string")


def _fields(data: bytes):
    """(number, value) pairs: ints for varints and fixed sizes, bytes for the rest."""
    at = 0
    value: int | float | bytes
    while at < len(data):
        tag, at = _varint(data, at)
        wire_type = tag & 7
        if wire_type == 0:
            value, at = _varint(data, at)
        elif wire_type == 1:
            (value,), at = struct.unpack_from("<d", data, at), at + 8
        elif wire_type == 5:
            (value,), at = struct.unpack_from("<f", data, at), at + 4
        elif wire_type == 2:
            length, at = _varint(data, at)
            if at + length > len(data):
                raise BadWire("truncated protobuf body")
            value, at = data[at : at + length], at + length
        else:
            raise BadWire(f"wire type {wire_type} is not used by Kubernetes")
        yield tag >> 3, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = data[at]
        result |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return result, at


def _message(data: bytes, message: str) -> dict:
    shape_of = _table()[message]
    result: dict = {}
    for number, raw in _fields(data):
        if number not in shape_of:
            continue
        name, shape, kind = shape_of[number]
        _store(result, _RENAMED.get(name, name), shape, kind, raw)
    return result


def _store(result: dict, name: str, shape: str, kind: str, raw) -> None:
    if shape == "{}":
        entry = dict(_fields(raw))
        result.setdefault(name, {})[entry.get(1, b"").decode()] = _value(entry.get(2, b""), kind)
    elif shape == "[]":
        result.setdefault(name, []).append(_value(raw, kind))
    elif name in _INLINED:
        result.update(_value(raw, kind))
    else:
        value = _value(raw, kind)
        if not _is_absent(name, value):
            result[name] = value


def _is_absent(name: str, value) -> bool:
    if value is None or value == "":
        return True
    if value == {}:
        return name in _EMPTY_MEANS_ABSENT
    return isinstance(value, int | float) and not value and name not in _POINTERS


def _value(raw, kind: str):
    if kind in _READERS:
        return _READERS[kind](raw)
    if kind in _LISTS:
        return [item.decode() for _, item in _fields(raw)]
    return _message(raw, kind) if kind in _table() else {}


def _signed(raw: int) -> int:
    return raw - (1 << 64) if raw >= 1 << 63 else raw


def _time(raw: bytes, *, micro: bool = False) -> str | None:
    parts = dict(_fields(raw))
    seconds, nanos = _signed(parts.get(1, 0)), parts.get(2, 0)
    if seconds <= 0 and not nanos:
        return None
    stamp = datetime.fromtimestamp(seconds, UTC)
    if micro:
        return stamp.replace(microsecond=nanos // 1000).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return stamp.strftime("%Y-%m-%dT%H:%M:%SZ")


def _int_or_string(raw: bytes) -> int | str:
    parts = dict(_fields(raw))
    return parts.get(3, b"").decode() if parts.get(1) else _signed(parts.get(2, 0))


def _raw_json(raw: bytes):
    content = dict(_fields(raw)).get(1, b"")
    return load_json(content) if content else None


_READERS: dict[str, Callable] = {
    "string": lambda raw: raw.decode(),
    "bytes": lambda raw: base64.b64encode(raw).decode(),
    "bool": bool,
    "int32": _signed,
    "int64": _signed,
    "uint32": int,
    "uint64": int,
    "double": float,
    "float": float,
    "meta.Time": _time,
    "meta.MicroTime": lambda raw: _time(raw, micro=True),
    "Quantity": lambda raw: dict(_fields(raw)).get(1, b"").decode(),
    "IntOrString": _int_or_string,
    "runtime.RawExtension": _raw_json,
    "meta.FieldsV1": _raw_json,
}
