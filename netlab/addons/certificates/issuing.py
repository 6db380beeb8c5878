"""Certificates: seen to be issued when something is wrong with their Secret, one step at each look."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from netlab import pki
from netlab.store import (
    NotFound,
    Store,
    clock,
    events,
    full_name,
    is_controlled_by,
    is_deleting,
    key_of,
    owner_reference,
)

from . import (
    API_VERSION,
    CERTIFICATE_NAME,
    CERTIFICATES,
    GROUP,
    KEY_SECRET,
    NEXT_KEY,
    REQUESTS,
    REVISION,
    TLS_CA,
    TLS_CERTIFICATE,
    TLS_KEY,
    annotation,
    coded,
    condition,
    data_of,
    drop_condition,
    generation,
    is_true,
    issuer_kind,
    policies,
    put_condition,
)

_LABEL = f"controller.{GROUP}/fao"  # what the original's informers follow
_ISSUED = "The certificate has been successfully issued"
_RETRIED = "The certificate request has failed to complete and will be retried"
_UP_TO_DATE = ("Ready", "Certificate is up to date and has not expired")
_NAME_LIMIT = 240


class Certificates:
    def __init__(self, store: Store, tell: Callable[[str], None]):
        self._store, self._tell = store, tell

    async def sync(self, certificate: dict, now: datetime) -> datetime | None:
        """One step; answers when to look again if nothing changes before, None: not by the clock."""
        secret = self._secret(certificate)
        request = self._request(certificate, certificate.get("status", {}).get("revision", 0))
        fault = policies.fault(certificate, secret, request, now)
        certificate = self._tell_readiness(certificate, secret, fault)
        served = policies.certificate_in(secret)
        times = [served.not_valid_after_utc] if served else []
        if self._owns_secret(certificate, secret):
            if is_true(certificate, "Issuing"):
                await self._advance(certificate, secret)
            else:
                times += self._wait_or_trigger(certificate, secret, fault, now)
        return min((time for time in times if time > now), default=None)

    def _wait_or_trigger(
        self, certificate: dict, secret: dict | None, fault: policies.Why | None, now: datetime
    ) -> list[datetime]:
        """The time it waits for, if there is one."""
        if secret and not fault:
            self._dress(certificate, secret)
        due = self._due(certificate, secret, fault, now)
        if due is not None and due <= now:
            renewal = f"Renewing certificate as renewal was scheduled at {due:%Y-%m-%d %H:%M:%S} +0000 UTC"
            self._trigger(certificate, *(fault or ("Renewing", renewal)))
        return [due] if due else []

    def _secret(self, certificate: dict) -> dict | None:
        return self._store.find(
            "secrets", certificate["metadata"]["namespace"], certificate["spec"]["secretName"]
        )

    def _requests(self, certificate: dict) -> list[dict]:
        found = self._store.list(REQUESTS, certificate["metadata"]["namespace"])
        return [one for one in found if is_controlled_by(one, certificate)]

    def _request(self, certificate: dict, revision: int) -> dict | None:
        mine = self._requests(certificate)
        return next((one for one in mine if annotation(one, REVISION) == str(revision)), None)

    def _owns_secret(self, certificate: dict, secret: dict | None) -> bool:
        """Of several Certificates for one Secret one may issue: that which it names, or the oldest."""
        others = [
            one
            for one in self._store.list(CERTIFICATES, certificate["metadata"]["namespace"])
            if one["spec"]["secretName"] == certificate["spec"]["secretName"] and not is_deleting(one)
        ]
        named = annotation(secret, CERTIFICATE_NAME) if secret else ""
        holder = [one for one in others if one["metadata"]["name"] == named]
        first = min(holder or others, key=lambda one: (one["metadata"]["creationTimestamp"], full_name(one)))
        return first["metadata"]["uid"] == certificate["metadata"]["uid"]

    def _tell_readiness(self, certificate: dict, secret: dict | None, fault: policies.Why | None) -> dict:
        served = policies.certificate_in(secret)
        reason, message = fault or _UP_TO_DATE

        def change(obj: dict) -> None:
            put_condition(obj, "Ready", fault is None, reason, message)
            for name in ("notBefore", "notAfter", "renewalTime"):
                obj["status"].pop(name, None)
            if served:
                times = {
                    "notBefore": served.not_valid_before_utc,
                    "notAfter": served.not_valid_after_utc,
                    "renewalTime": policies.renewal_time(served, obj["spec"]),
                }
                obj["status"].update({name: f"{time:%Y-%m-%dT%H:%M:%SZ}" for name, time in times.items()})

        return self._store.mutate(CERTIFICATES, *key_of(certificate), change)

    def _due(
        self, certificate: dict, secret: dict | None, fault: policies.Why | None, now: datetime
    ) -> datetime | None:
        """When to issue: at once for a fault, else at the renewal; after a failure when its pause is over."""
        status, served = certificate["status"], policies.certificate_in(secret)
        renewal = policies.renewal_time(served, certificate["spec"]) if served else None
        due = now if fault else renewal
        failed = condition(certificate, "Issuing")
        if (
            due
            and status.get("lastFailureTime")
            and failed.get("observedGeneration") == generation(certificate)
        ):
            attempts = status.get("failedIssuanceAttempts", 1)
            due = max(due, policies.pause_until(clock.parse(status["lastFailureTime"]), attempts))
        return due

    def _trigger(self, certificate: dict, reason: str, message: str) -> None:
        for one in self._requests(certificate):
            if condition(one, "Ready").get("reason") == "Failed":
                self._delete(REQUESTS, one)
        self._set_issuing(certificate, True, reason, message)
        self._event(certificate, "trigger", "Issuing", message)
        self._tell(
            f'"Certificate must be re-issued" certificate="{full_name(certificate)}" reason="{reason}"'
        )

    def _set_issuing(self, certificate: dict, is_so: bool, reason: str, message: str) -> None:
        def change(obj: dict) -> None:
            put_condition(obj, "Issuing", is_so, reason, message)

        self._store.mutate(CERTIFICATES, *key_of(certificate), change)

    async def _advance(self, certificate: dict, secret: dict | None) -> None:
        """The next step of an issuance: key, request, Secret."""
        name = certificate["status"].get("nextPrivateKeySecretName")
        holder = self._store.find("secrets", certificate["metadata"]["namespace"], name) if name else None
        if holder is None or not is_controlled_by(holder, certificate):
            await self._make_key(certificate, secret)
            return
        try:
            key = pki.load_key(data_of(holder, TLS_KEY))
            mismatches = pki.key_mismatches(key, certificate["spec"].get("privateKey") or {})
        except pki.Unusable:
            mismatches = ["data"]
        if mismatches:
            words = f"Regenerating private key due to change in fields: [{' '.join(mismatches)}]"
            self._event(certificate, "key-manager", "Deleted", words)
            self._delete("secrets", holder)
            return
        self._follow_request(certificate, holder, key)

    def _follow_request(self, certificate: dict, holder: dict, key: pki.Key) -> None:
        revision = certificate["status"].get("revision", 0) + 1
        request = self._request(certificate, revision)
        if request is None:
            self._ask(certificate, holder, key, revision)
        elif self._is_outdated(request, certificate, key):
            self._delete(REQUESTS, request)
        elif _is_issued(request):
            self._finish(certificate, holder, request, revision)
        elif condition(request, "Ready").get("reason") == "Failed":
            self._fail(certificate, "Failed", condition(request, "Ready").get("message", ""))

    def _is_outdated(self, request: dict, certificate: dict, key: pki.Key) -> bool:
        """It asks for something else, or has an answer that somebody else wrote."""
        if policies.request_mismatches(certificate["spec"], request):
            return True
        try:
            asked = pki.load_request(data_of({"data": request["spec"]}, "request"))
            answers = [data_of({"data": request["status"]}, "certificate")] if _is_issued(request) else []
            made = [pki.load_certificates(answer)[0] for answer in answers]
        except pki.Unusable:
            return True
        return not pki.same_key(asked, key) or not all(pki.same_key(one, key) for one in made)

    async def _make_key(self, certificate: dict, secret: dict | None) -> None:
        wanted = certificate["spec"].get("privateKey") or {}
        key = None
        if wanted.get("rotationPolicy") == "Never" and data_of(secret, TLS_KEY):
            try:
                key = pki.load_key(data_of(secret, TLS_KEY))
            except pki.Unusable:
                words = f'Failed to decode private key stored in Secret "{certificate["spec"]["secretName"]}"'
                self._event(
                    certificate, "key-manager", "DecodeFailed", f"{words} - generating new key", "Warning"
                )
        if key and (mismatches := pki.key_mismatches(key, wanted)):
            self._refuse_key(certificate, mismatches)
            return
        # In a thread, for an RSA key takes its time; one cancelled meanwhile is never written.
        made = key or await asyncio.to_thread(pki.generate_key, wanted)
        if not self._is_current(certificate):
            return
        name = self._keep_key(certificate, made)
        words = f'Stored new private key in temporary Secret resource "{name}"'
        reused = (
            f'Reusing private key stored in existing Secret resource "{certificate["spec"]["secretName"]}"'
        )
        self._event(certificate, "key-manager", *(("Reused", reused) if key else ("Generated", words)))

    def _refuse_key(self, certificate: dict, mismatches: list[str]) -> None:
        """It stays in issuance: another key or another policy lets it go on."""
        words = (
            "User intervention required: existing private key in Secret "
            f'"{certificate["spec"]["secretName"]}" does not match requirements on Certificate resource, '
            f"mismatching fields: [{' '.join(mismatches)}], but cert-manager cannot create new private key "
            "as the Certificate's .spec.privateKey.rotationPolicy is set to Never"
        )
        if condition(certificate, "Issuing").get("message") != words:
            self._set_issuing(certificate, True, "CannotRegenerateKey", words)
            self._event(certificate, "key-manager", "CannotRegenerateKey", words, "Warning")

    def _is_current(self, certificate: dict) -> bool:
        """Nothing has changed while a key was made, in this object or in its namespace."""
        namespace, name = key_of(certificate)
        now = self._store.find(CERTIFICATES, namespace, name)
        space = self._store.find("namespaces", None, namespace or "")
        if now is None or space is None or is_deleting(space) or not is_true(now, "Issuing"):
            return False
        return _version_of(now) == _version_of(certificate)

    def _keep_key(self, certificate: dict, key: pki.Key) -> str:
        namespace, name = key_of(certificate)
        meta = {
            "namespace": namespace,
            "generateName": f"{name[:_NAME_LIMIT]}-",
            "labels": {NEXT_KEY: "true", _LABEL: "true"},
            "ownerReferences": [owner_reference(certificate)],
        }
        data = {TLS_KEY: coded(pki.encode_key(key, "PKCS8"))}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": "Opaque", "data": data}
        made: str = self._store.create("secrets", secret)["metadata"]["name"]
        self._store.mutate(
            CERTIFICATES, namespace, name, lambda obj: obj["status"].update(nextPrivateKeySecretName=made)
        )
        return made

    def _ask(self, certificate: dict, holder: dict, key: pki.Key, revision: int) -> None:
        spec, (namespace, name) = certificate["spec"], key_of(certificate)
        try:
            asked = pki.make_request(spec, key)
        except pki.Unusable as error:
            self._fail(certificate, "RequestFailed", f"Failed to generate CSR: {error}")
            return
        notes = {CERTIFICATE_NAME: name, REVISION: str(revision), KEY_SECRET: holder["metadata"]["name"]}
        meta = {
            "namespace": namespace,
            "annotations": notes,
            "ownerReferences": [owner_reference(certificate)],
        }
        wanted = f"{name[:_NAME_LIMIT]}-{revision}"
        taken = self._store.find(REQUESTS, namespace, wanted)
        meta |= {"generateName": f"{wanted}-"} if taken else {"name": wanted}
        copied = {
            field: spec[field] for field in ("issuerRef", "isCA", "usages", "duration") if field in spec
        }
        request = {"apiVersion": API_VERSION, "kind": "CertificateRequest", "metadata": meta}
        made = self._store.create(REQUESTS, {**request, "spec": {**copied, "request": coded(asked)}})
        words = f'Created new CertificateRequest resource "{made["metadata"]["name"]}"'
        self._event(certificate, "request-manager", "Requested", words)

    def _finish(self, certificate: dict, holder: dict, request: dict, revision: int) -> None:
        self._write(certificate, holder, request["status"])
        self._delete("secrets", holder)

        def change(obj: dict) -> None:
            drop_condition(obj, "Issuing")
            obj["status"]["revision"] = revision
            for name in ("nextPrivateKeySecretName", "lastFailureTime", "failedIssuanceAttempts"):
                obj["status"].pop(name, None)

        self._store.mutate(CERTIFICATES, *key_of(certificate), change)
        for one in self._requests(certificate):
            if annotation(one, REVISION) != str(revision):
                self._delete(REQUESTS, one)
        self._event(certificate, "issuing", "Issuing", _ISSUED)
        self._tell(f'"certificate issued" certificate="{full_name(certificate)}" revision={revision}')

    def _write(self, certificate: dict, holder: dict, answer: dict) -> None:
        """The Secret keeps its type and what else others have put into it."""
        key = pki.load_key(data_of(holder, TLS_KEY))
        encoded = pki.encode_key(key, (certificate["spec"].get("privateKey") or {}).get("encoding", ""))
        data = {TLS_CERTIFICATE: answer["certificate"], TLS_KEY: coded(encoded)}
        data |= {TLS_CA: answer["ca"]} if answer.get("ca") else {}
        secret = self._secret(certificate)
        if secret is None:
            meta = {
                "namespace": certificate["metadata"]["namespace"],
                "name": certificate["spec"]["secretName"],
            }
            fresh = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": "kubernetes.io/tls"}
            secret = self._store.create("secrets", {**fresh, "data": data})

        def change(obj: dict) -> None:
            obj["data"] = {**{k: v for k, v in (obj.get("data") or {}).items() if k != TLS_CA}, **data}

        self._dress(certificate, self._store.mutate("secrets", *key_of(secret), change))

    def _dress(self, certificate: dict, secret: dict) -> None:
        """Labels and annotations of the Secret: the template's, and whose certificate it is."""
        served = policies.certificate_in(secret)
        template, reference = (
            certificate["spec"].get("secretTemplate") or {},
            certificate["spec"]["issuerRef"],
        )
        notes = {
            **(template.get("annotations") or {}),
            **(_notes_of_names(pki.names_of(served)) if served else {}),
            CERTIFICATE_NAME: certificate["metadata"]["name"],
            f"{GROUP}/issuer-name": reference["name"],
            f"{GROUP}/issuer-kind": issuer_kind(reference),
            f"{GROUP}/issuer-group": reference.get("group", ""),
        }

        def change(obj: dict) -> None:
            meta = obj["metadata"]
            meta["annotations"] = {**(meta.get("annotations") or {}), **notes}
            meta["labels"] = {**(meta.get("labels") or {}), **(template.get("labels") or {}), _LABEL: "true"}

        self._store.mutate("secrets", *key_of(secret), change)

    def _fail(self, certificate: dict, reason: str, why: str) -> None:
        message = f"{_RETRIED}: {why}"

        def change(obj: dict) -> None:
            put_condition(obj, "Issuing", False, reason, message)
            status = obj["status"]
            status["lastFailureTime"] = clock.now()
            status["failedIssuanceAttempts"] = status.get("failedIssuanceAttempts", 0) + 1

        self._store.mutate(CERTIFICATES, *key_of(certificate), change)
        self._event(certificate, "issuing", reason, message, "Warning")
        self._tell(f'"issuance failed" certificate="{full_name(certificate)}" err="{why}"')

    def _event(self, certificate: dict, part: str, reason: str, message: str, kind: str = "Normal") -> None:
        component = f"cert-manager-certificates-{part}"
        events.record(self._store, certificate, reason, message, type=kind, component=component)

    def _delete(self, resource: str, obj: dict) -> None:
        with suppress(NotFound):
            self._store.delete(resource, *key_of(obj))


def _version_of(certificate: dict) -> tuple:
    key = certificate["status"].get("nextPrivateKeySecretName")
    return certificate["metadata"]["uid"], generation(certificate), key


def _is_issued(request: dict) -> bool:
    return condition(request, "Ready").get("reason") == "Issued"


def _notes_of_names(names: dict[str, list[str]]) -> dict[str, str]:
    """Who the certificate is for, as cert-manager's annotations have it; some are there even when empty."""
    always = {
        "common-name": "commonName",
        "alt-names": "dnsNames",
        "ip-sans": "ipAddresses",
        "uri-sans": "uris",
    }
    some = {"email-sans": "emailAddresses", "subject-organizations": "organizations"}
    notes = {f"{GROUP}/{note}": ",".join(names[field]) for note, field in (always | some).items()}
    return {note: text for note, text in notes.items() if text or note.partition("/")[2] in always}
