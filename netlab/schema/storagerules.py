"""What makes claims, volumes and their classes invalid."""

from .causes import Cause, forbidden, invalid, one_of, required, unsupported
from .quantities import amount

MODES = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"]
SOURCES = ("hostPath", "local")
_FIXED_SPEC = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for"
    " bound claims"
)


def check_claim(obj: dict, path: str = "spec") -> list[Cause]:
    spec = obj.get("spec", {})
    asked = spec.get("resources", {}).get("requests", {}).get("storage")
    found = _check_modes(spec, path)
    if asked is None:
        return [*found, required(f"{path}.resources[storage]")]
    return found + _check_size(f"{path}.resources[storage]", asked)


def check_volume(obj: dict) -> list[Cause]:
    spec = obj.get("spec", {})
    found = _check_modes(spec, "spec")
    if "storage" not in spec.get("capacity", {}):
        found.append(required("spec.capacity"))
    else:
        found += _check_size("spec.capacity[storage]", spec["capacity"]["storage"])
    name, policies = "persistentVolumeReclaimPolicy", ["Delete", "Recycle", "Retain"]
    found += one_of(f"spec.{name}", spec.get(name), policies)
    if len([name for name in SOURCES if name in spec]) > 1:
        found.append(forbidden("spec.local", "may not specify more than 1 volume type"))
    for name in SOURCES:
        path = spec.get(name, {}).get("path", "")
        if name in spec and not path:
            found.append(required(f"spec.{name}.path"))
        elif ".." in path.split("/"):
            found.append(invalid(f"spec.{name}.path", path, "must not contain '..'"))
    if "local" in spec and "nodeAffinity" not in spec:
        found.append(required("spec.nodeAffinity", "Local volume requires node affinity"))
    return found


def check_class(obj: dict) -> list[Cause]:
    found = [] if obj.get("provisioner") else [required("provisioner")]
    found += one_of("reclaimPolicy", obj["reclaimPolicy"], ["Delete", "Retain"])
    modes = ["Immediate", "WaitForFirstConsumer"]
    return found + one_of("volumeBindingMode", obj["volumeBindingMode"], modes)


def claim_update(new: dict, old: dict) -> list[Cause]:
    if _frozen(new) != _frozen(old):
        return [forbidden("spec", _FIXED_SPEC)]
    asked, was = (one["spec"]["resources"]["requests"]["storage"] for one in (new, old))
    if amount(asked) < amount(was):
        return [forbidden("spec.resources.requests.storage", "field can not be less than status.capacity")]
    if amount(asked) > amount(was):
        why = "only dynamically provisioned pvc can be resized"
        why += " and the storageclass that provisions the pvc must support resize"
        return [forbidden("persistentvolumeclaims", why)]
    return []


def volume_update(new: dict, old: dict) -> list[Cause]:
    if all(new["spec"].get(name) == old["spec"].get(name) for name in SOURCES):
        return []
    return [
        forbidden("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation")
    ]


def class_update(new: dict, old: dict) -> list[Cause]:
    fixed = ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode")
    return [
        forbidden(name, f"updates to {name} are forbidden.")
        for name in fixed
        if new.get(name) != old.get(name)
    ]


def _frozen(claim: dict) -> dict:
    spec = {key: value for key, value in claim["spec"].items() if key != "resources"}
    return (
        spec if spec.get("volumeName") else {key: value for key, value in spec.items() if key != "volumeName"}
    )


def _check_modes(spec: dict, path: str) -> list[Cause]:
    modes = spec.get("accessModes", [])
    if not modes:
        return [required(f"{path}.accessModes", "at least 1 access mode is required")]
    found = [unsupported(f"{path}.accessModes", mode, MODES) for mode in modes if mode not in MODES]
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        why = "may not use ReadWriteOncePod with other access modes"
        found.append(forbidden(f"{path}.accessModes", why))
    return found


def _check_size(field: str, size: str) -> list[Cause]:
    return [] if amount(size) > 0 else [invalid(field, size, "must be greater than zero")]
