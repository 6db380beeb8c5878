"""ingress-shim: a Certificate for each TLS entry of an Ingress that names an issuer in its annotations."""

from collections.abc import Callable
from ipaddress import ip_address

from netlab.schema.customs import DEFINITIONS, kinds_of
from netlab.store import Store, events, full_name, is_controlled_by, key_of, owner_reference

from . import API_VERSION, CERTIFICATES, GROUP

_TRIGGERS = {"issuer": "Issuer", "cluster-issuer": "ClusterIssuer"}
_TEXTS = {"common-name": "commonName", "duration": "duration", "renew-before": "renewBefore"}
_LISTS = {
    "alt-names": "dnsNames",
    "ip-sans": "ipAddresses",
    "uri-sans": "uris",
    "email-sans": "emailAddresses",
    "usages": "usages",
}
_KEYS = {"algorithm", "size", "encoding", "rotation-policy"}
_PREFIX = f"{GROUP}/"


class BadConfig(Exception):
    """An Ingress makes no Certificate; the message is its event's."""


class IngressShim:
    def __init__(self, store: Store, tell: Callable[[str], None]):
        self._store, self._tell = store, tell
        self._told: dict[str, str] = {}  # uid -> what its last warning said

    def sync(self, ingress: dict) -> None:
        notes = _notes(ingress)
        if not any(trigger in notes for trigger in _TRIGGERS):
            return
        warnings = []
        try:
            spec = _common_spec(notes)
            warnings = [f"annotation {_PREFIX}{note} has no effect in netlab" for note in _unknown(notes)]
            for entry in _entries(ingress, warnings):
                self._ensure(ingress, _for_entry(spec, entry))
        except BadConfig as error:
            warnings.append(str(error))
        self._warn(ingress, "; ".join(warnings))
        self._drop_unused(ingress)

    def forget_others(self, known: set[str]) -> None:
        self._told = {uid: text for uid, text in self._told.items() if uid in known}

    def _ensure(self, ingress: dict, spec: dict) -> None:
        namespace, name = ingress["metadata"]["namespace"], spec["secretName"]
        labels = dict(ingress["metadata"].get("labels") or {})
        present = self._store.find(CERTIFICATES, namespace, name)
        if present is None:
            meta = {"namespace": namespace, "name": name, "labels": labels}
            meta["ownerReferences"] = [owner_reference(ingress)]
            made = {"apiVersion": API_VERSION, "kind": "Certificate", "metadata": meta, "spec": spec}
            self._check(made)
            self._store.create(CERTIFICATES, made)
            self._event(ingress, "CreateCertificate", f'Successfully created Certificate "{name}"')
        elif is_controlled_by(present, ingress) and (
            present["spec"],
            present["metadata"].get("labels") or {},
        ) != (
            spec,
            labels,
        ):
            self._check({**present, "spec": spec})

            def change(obj: dict) -> None:
                obj["spec"], obj["metadata"]["labels"] = spec, labels

            self._store.mutate(CERTIFICATES, namespace, name, change)
            self._event(ingress, "UpdateCertificate", f'Successfully updated Certificate "{name}"')

    def _check(self, certificate: dict) -> None:
        """By the schema that the API would refuse it by. Raises BadConfig."""
        definition = self._store.find(DEFINITIONS, None, CERTIFICATES)
        if definition is None:
            raise BadConfig(f"the kind Certificate of {GROUP} is not defined any more")
        causes = kinds_of(definition)[0].custom.check(certificate)
        if causes:
            told = "; ".join(f"{cause.field}: {cause.message}" for cause in causes)
            raise BadConfig(f"Certificate {certificate['metadata']['name']} would be invalid: {told}")

    def _drop_unused(self, ingress: dict) -> None:
        used = {entry.get("secretName") for entry in ingress["spec"].get("tls") or []}
        for one in self._store.list(CERTIFICATES, ingress["metadata"]["namespace"]):
            if is_controlled_by(one, ingress) and one["spec"]["secretName"] not in used:
                self._store.delete(CERTIFICATES, *key_of(one))
                words = f'Successfully deleted unrequired Certificate "{one["metadata"]["name"]}"'
                self._event(ingress, "DeleteCertificate", words)

    def _warn(self, ingress: dict, text: str) -> None:
        """Once for the same words."""
        uid = ingress["metadata"]["uid"]
        if text and self._told.get(uid) != text:
            self._event(ingress, "BadConfig", text, "Warning")
        self._told[uid] = text

    def _event(self, ingress: dict, reason: str, message: str, kind: str = "Normal") -> None:
        events.record(
            self._store, ingress, reason, message[:1024], type=kind, component="cert-manager-ingress-shim"
        )
        self._tell(f'"ingress" ingress="{full_name(ingress)}" reason="{reason}" message="{message}"')


def _notes(ingress: dict) -> dict[str, str]:
    notes = ingress["metadata"].get("annotations") or {}
    return {name.removeprefix(_PREFIX): text for name, text in notes.items() if name.startswith(_PREFIX)}


def _unknown(notes: dict[str, str]) -> list[str]:
    keys = {f"private-key-{name}" for name in _KEYS}
    known = {*_TRIGGERS, *_TEXTS, *_LISTS, *keys, "issuer-kind", "issuer-group", "subject-organizations"}
    return sorted(set(notes) - known)


def _common_spec(notes: dict[str, str]) -> dict:
    spec: dict = {"issuerRef": _issuer_ref(notes)}
    spec |= {field: notes[note] for note, field in _TEXTS.items() if note in notes}
    spec |= {field: _split(notes[note]) for note, field in _LISTS.items() if note in notes}
    spec.setdefault("usages", ["digital signature", "key encipherment"])
    if "subject-organizations" in notes:
        spec["subject"] = {"organizations": _split(notes["subject-organizations"])}
    key = {name: notes[f"private-key-{name}"] for name in sorted(_KEYS) if f"private-key-{name}" in notes}
    if "size" in key and not (key["size"].isascii() and key["size"].isdecimal() and len(key["size"]) < 6):
        raise BadConfig(f'invalid ingress annotation "{_PREFIX}private-key-size": "{key["size"]}" is no size')
    if key:
        named = {"rotation-policy": "rotationPolicy"}
        spec["privateKey"] = {
            named.get(name, name): int(text) if name == "size" else text for name, text in key.items()
        }
    return spec


def _issuer_ref(notes: dict[str, str]) -> dict:
    named = [note for note in _TRIGGERS if note in notes]
    words = "Could not determine issuer for ingress due to bad annotations"
    if len(named) > 1:
        raise BadConfig(f'{words}: both "{_PREFIX}issuer" and "{_PREFIX}cluster-issuer" may not be set')
    if not notes[named[0]]:
        raise BadConfig(f"{words}: failed to determine issuer name to be used for ingress resource")
    kind = _TRIGGERS[named[0]] if named[0] == "cluster-issuer" else notes.get("issuer-kind") or "Issuer"
    return {"name": notes[named[0]], "kind": kind, "group": notes.get("issuer-group") or GROUP}


def _entries(ingress: dict, warnings: list[str]) -> list[dict]:
    """The TLS entries to make a Certificate for; those without hosts or a Secret get a warning."""
    entries = ingress["spec"].get("tls") or []
    names = [entry.get("secretName") for entry in entries]
    for index, name in enumerate(names):
        if name and names.index(name) != index:
            words = "this secret name must only appear in a single TLS entry but is also used in"
            raise BadConfig(
                f'spec.tls[{names.index(name)}].secretName: Invalid value: "{name}": {words} '
                f"spec.tls[{index}].secretName"
            )
    for index, entry in enumerate(entries):
        for field in ("hosts", "secretName"):
            if not entry.get(field):
                warnings.append(f"Skipped a TLS block: spec.tls[{index}].{field}: Required value")
    return [entry for entry in entries if entry.get("hosts") and entry.get("secretName")]


def _for_entry(spec: dict, entry: dict) -> dict:
    addresses = [host for host in entry["hosts"] if _is_address(host)]
    names = [host for host in entry["hosts"] if host not in addresses]
    both = {
        "dnsNames": list(dict.fromkeys([*names, *spec.get("dnsNames", [])])),
        "ipAddresses": list(dict.fromkeys([*addresses, *spec.get("ipAddresses", [])])),
    }
    return {
        **spec,
        "secretName": entry["secretName"],
        **{field: found for field, found in both.items() if found},
    }


def _split(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
