"""cert-manager's controller over a store: real X.509, no kernel and no kubectl."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from netlab import pki
from netlab.addons import install
from netlab.addons.certificates import (
    API_VERSION,
    CERTIFICATES,
    INGRESSES,
    REQUESTS,
    coded,
    condition,
    data_of,
    policies,
)
from netlab.addons.certificates.controller import CertificateController
from netlab.schema.catalogue import Catalogue
from netlab.schema.customs import DEFINITIONS
from netlab.store import NotFound, Store
from netlab.topology import build

SPACE = "shop"


class World:
    """A store with cert-manager's kinds, one namespace, and the controller."""

    def __init__(self):
        self.store = Store()
        for obj in install.manifests(build(), addons=("certificates",)):
            if obj["kind"] == "CustomResourceDefinition":
                self.store.create(DEFINITIONS, obj)
        Catalogue(self.store).group_versions()  # from now on generations are counted
        for name in (SPACE, "cert-manager"):
            self.store.create(
                "namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            )
        self.ahead = timedelta()
        self.controller = CertificateController(self.store, lambda: datetime.now(UTC) + self.ahead)
        self.make("Issuer", "self", selfSigned={})

    def make(self, kind: str, name: str, namespace: str | None = SPACE, **spec) -> dict:
        meta = {"name": name, **({"namespace": namespace} if namespace else {})}
        resource = f"{kind.lower()}s.cert-manager.io"
        made = {"apiVersion": API_VERSION, "kind": kind, "metadata": meta, "spec": spec}
        return self.store.create(resource, made)

    def certificate(self, name: str = "web", *, issuer: str = "self", **spec) -> dict:
        wanted = {"secretName": name, "issuerRef": {"name": issuer}, "dnsNames": ["web.example"], **spec}
        return self.make("Certificate", name, **{"privateKey": {"algorithm": "ECDSA"}, **wanted})

    def settle(self) -> datetime | None:
        """Look until nothing changes any more; answers when the controller would look again."""
        for _ in range(40):
            before = self.store.version
            due = asyncio.run(self.controller.look())
            if self.store.version == before:
                return due
        raise AssertionError("the controller never comes to rest")

    def found(self, name: str = "web") -> dict:
        return self.store.get(CERTIFICATES, SPACE, name)

    def secret(self, name: str = "web") -> dict:
        return self.store.get("secrets", SPACE, name)

    def served(self, name: str = "web") -> x509.Certificate:
        return pki.load_certificates(data_of(self.secret(name), "tls.crt"))[0]

    def change(self, name: str = "web", **spec) -> None:
        self.store.mutate(CERTIFICATES, SPACE, name, lambda obj: obj["spec"].update(spec))

    def said(self) -> list[str]:
        return [one["message"] for one in self.store.list("events")]

    def reasons(self, name: str) -> set[str]:
        return {one["reason"] for one in self.store.list("events") if one["involvedObject"]["name"] == name}


@pytest.fixture
def world():
    return World()


def why_not(obj: dict, kind: str = "Ready") -> tuple[str, str, str]:
    told = condition(obj, kind)
    return told["status"], told["reason"], told["message"]


def test_a_certificate_signed_by_itself_becomes_ready(world):
    world.certificate(commonName="web", isCA=True)
    due = world.settle()
    assert why_not(world.found())[:2] == ("True", "Ready")
    assert world.secret()["type"] == "kubernetes.io/tls"
    assert world.secret()["data"]["ca.crt"] == world.secret()["data"]["tls.crt"]
    assert timedelta(days=59) < due - datetime.now(UTC) < timedelta(days=60)  # a third of 90 days is left
    assert [one["metadata"]["name"] for one in world.store.list("secrets")] == ["web"]


def test_the_secret_tells_whose_certificate_it_is(world):
    world.certificate(commonName="web", ipAddresses=["10.0.0.1"], subject={"organizations": ["Lab"]})
    world.settle()
    notes = world.secret()["metadata"]["annotations"]
    assert {name.partition("/")[2]: text for name, text in notes.items()} == {
        "certificate-name": "web",
        "issuer-name": "self",
        "issuer-kind": "Issuer",
        "issuer-group": "",
        "common-name": "web",
        "alt-names": "web.example",
        "ip-sans": "10.0.0.1",
        "uri-sans": "",
        "subject-organizations": "Lab",
    }


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [
        ({}, rsa.RSAPrivateKey),
        ({"algorithm": "RSA", "size": 3072, "encoding": "PKCS8"}, rsa.RSAPrivateKey),
        ({"algorithm": "ECDSA", "size": 384}, ec.EllipticCurvePrivateKey),
        ({"algorithm": "ECDSA", "size": 521}, ec.EllipticCurvePrivateKey),
        ({"algorithm": "Ed25519"}, ed25519.Ed25519PrivateKey),
    ],
)
def test_keys_are_of_the_algorithm_and_size_that_are_asked_for(world, wanted, kind):
    world.certificate(privateKey=wanted)
    world.settle()
    key = pki.load_key(data_of(world.secret(), "tls.key"))
    assert isinstance(key, kind)
    assert getattr(key, "key_size", None) == (None if "Ed" in str(wanted) else wanted.get("size", 2048))
    assert (b"BEGIN PRIVATE KEY" in data_of(world.secret(), "tls.key")) == (
        "PKCS8" in str(wanted) or "Ed" in str(wanted)
    )


def test_usages_are_in_the_certificate(world):
    world.certificate(usages=["digital signature", "server auth"])
    world.settle()
    extensions = world.served().extensions
    assert extensions.get_extension_for_class(x509.ExtendedKeyUsage).value == x509.ExtendedKeyUsage(
        [x509.ExtendedKeyUsageOID.SERVER_AUTH]
    )
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.key_encipherment, usage.key_cert_sign) == (True, False, False)


@pytest.fixture
def chain(world):
    """A root, an intermediate below it, and an Issuer that signs by the intermediate."""
    world.certificate("root", isCA=True, commonName="root", dnsNames=[])
    world.make("Issuer", "root", ca={"secretName": "root"})
    world.certificate("middle", isCA=True, commonName="middle", dnsNames=[], issuer="root")
    world.make("Issuer", "middle", ca={"secretName": "middle"})
    world.settle()
    return world


def test_a_secret_holds_the_chain_without_the_root_and_the_root_apart(chain):
    chain.certificate(issuer="middle")
    chain.settle()
    served = pki.load_certificates(data_of(chain.secret(), "tls.crt"))
    names = [one.subject.rfc4514_string() for one in served]
    assert names == ["", "CN=middle"]
    served[0].verify_directly_issued_by(served[1])
    served[1].verify_directly_issued_by(chain.served("root"))
    assert data_of(chain.secret(), "ca.crt") == data_of(chain.secret("root"), "tls.crt")


def test_a_cluster_issuer_reads_its_secret_in_cert_managers_namespace(chain):
    chain.make("ClusterIssuer", "all", None, ca={"secretName": "root"})
    chain.certificate(issuerRef={"name": "all", "kind": "ClusterIssuer"})
    chain.settle()
    issuer = chain.store.get("clusterissuers.cert-manager.io", None, "all")
    why = 'Error getting keypair for CA issuer: secrets "root" not found'
    assert why_not(issuer) == ("False", "ErrGetKeyPair", why)
    copied = {**chain.secret("root"), "metadata": {"name": "root", "namespace": "cert-manager"}}
    chain.store.create("secrets", copied)
    chain.settle()
    assert chain.served().issuer.rfc4514_string() == "CN=root"


def test_a_certificate_that_is_none_of_an_authority_signs_nothing(world):
    world.certificate("leaf")
    world.make("Issuer", "leaf", ca={"secretName": "leaf"})
    world.certificate(issuer="leaf")
    world.settle()
    why = "Error getting keypair for CA issuer: certificate is not a CA"
    assert why_not(world.store.get("issuers.cert-manager.io", SPACE, "leaf")) == (
        "False",
        "ErrInvalidKeyPair",
        why,
    )
    pending = "Referenced issuer does not have a Ready status condition"
    assert why_not(world.store.get(REQUESTS, SPACE, "web-1")) == ("False", "Pending", pending)


def test_an_authority_with_a_key_of_an_unknown_kind_signs_nothing(world):
    key, now = ec.generate_private_key(ec.BrainpoolP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "odd")])
    odd = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    world.certificate("plain")
    world.settle()
    data = {**world.secret("plain")["data"], "tls.crt": coded(pki.pem_of(odd))}
    world.store.mutate("secrets", SPACE, "plain", lambda obj: obj.update(data=data))
    world.make("Issuer", "odd", ca={"secretName": "plain"})
    asyncio.run(world.controller.look())
    why = "Error getting keypair for CA issuer: the private key does not match the certificate"
    assert why_not(world.store.get("issuers.cert-manager.io", SPACE, "odd"))[2] == why


def test_a_certificate_waits_for_its_issuer_and_says_so(world):
    world.certificate(issuer="nobody")
    assert world.settle() is None
    assert why_not(world.found()) == ("False", "DoesNotExist", "Issuing certificate as Secret does not exist")
    words = 'Referenced "Issuer" not found: issuer.cert-manager.io "nobody" not found'
    assert why_not(world.store.get(REQUESTS, SPACE, "web-1")) == ("False", "Pending", words)
    world.make("Issuer", "nobody", selfSigned={})
    world.settle()
    assert why_not(world.found())[0] == "True"


@pytest.mark.parametrize(
    "names",
    [
        {"dnsNames": ["höhle.example"]},
        {"ipAddresses": ["300.1.1.1"]},
        {"ipAddresses": ["fe80::1%eth0"]},
        {"uris": ["http://höhle"]},
        {"emailAddresses": ["no address"]},
    ],
)
def test_names_that_fit_into_no_certificate_are_a_condition_and_a_pause(world, names):
    world.certificate(**names)
    due = world.settle()
    status, reason, message = why_not(world.found(), "Issuing")
    assert (status, reason) == ("False", "RequestFailed")
    assert "Failed to generate CSR: " in message
    assert timedelta(minutes=59) < due - datetime.now(UTC) <= timedelta(hours=1)


def test_a_changed_spec_ends_the_pause(world):
    world.certificate(ipAddresses=["300.1.1.1"])
    world.settle()
    world.change(ipAddresses=["10.0.0.1"])
    world.settle()
    assert why_not(world.found())[0] == "True"
    assert "lastFailureTime" not in world.found()["status"]


def test_pauses_grow_up_to_a_day_and_eight_hours():
    began = datetime(2026, 1, 1, tzinfo=UTC)
    hours = [(policies.pause_until(began, n) - began) / timedelta(hours=1) for n in (1, 2, 3, 6, 7, 900)]
    assert hours == [1, 2, 4, 32, 32, 32]


def test_a_second_certificate_for_a_secret_leaves_it_alone_even_when_overdue(world):
    world.certificate("first", secretName="one")
    world.settle()
    serial = world.served("one").serial_number
    world.certificate("second", secretName="one", duration="1h", renewBefore="59m59s", dnsNames=["other"])
    world.ahead = timedelta(days=59)
    assert world.settle() > datetime.now(UTC) + world.ahead
    status, reason, message = why_not(world.found("second"))
    assert (status, reason) == ("False", "IncorrectCertificate")
    assert message.startswith('Secret was issued for "first".')
    assert world.served("one").serial_number == serial


def test_the_second_certificate_takes_the_secret_over_when_the_first_has_gone(world):
    world.certificate("first", secretName="one")
    world.certificate("second", secretName="one", dnsNames=["other.example"])
    world.settle()
    world.store.delete(CERTIFICATES, SPACE, "first")
    world.settle()
    assert pki.names_of(world.served("one"))["dnsNames"] == ["other.example"]


def test_a_due_renewal_makes_another_certificate_and_key(world):
    world.certificate(duration="1h", renewBefore="50m")
    world.settle()
    before, key = world.served(), data_of(world.secret(), "tls.key")
    world.ahead = timedelta(minutes=11)
    world.settle()
    assert "Renewing certificate as renewal was scheduled at " in " ".join(world.said())
    assert world.served().serial_number != before.serial_number
    assert data_of(world.secret(), "tls.key") != key
    assert [one["metadata"]["name"] for one in world.store.list(REQUESTS)] == ["web-2"]


def test_a_renewal_just_after_the_issuance_waits_a_moment(world):
    world.certificate(duration="1h", renewBefore="59m59.9s")
    assert world.settle() == world.served().not_valid_before_utc + timedelta(seconds=2)


def test_changed_names_are_issued_anew(world):
    world.certificate()
    world.settle()
    world.change(dnsNames=["web.example", "shop.example"])
    world.settle()
    assert pki.names_of(world.served())["dnsNames"] == ["web.example", "shop.example"]
    words = "Fields on existing CertificateRequest resource not up to date: [spec.dnsNames]"
    assert words in world.said()


def test_without_its_request_the_certificate_itself_is_compared(world):
    world.certificate()
    world.settle()
    world.store.delete(REQUESTS, SPACE, "web-1")
    world.settle()
    assert world.found()["status"]["revision"] == 1
    world.change(dnsNames=["other.example"])
    world.settle()
    assert pki.names_of(world.served())["dnsNames"] == ["other.example"]


def test_a_deleted_secret_comes_again_and_a_spoilt_one_is_mended(world):
    world.certificate()
    world.settle()
    world.store.delete("secrets", SPACE, "web")
    world.settle()
    assert world.found()["status"]["revision"] == 2
    world.store.mutate("secrets", SPACE, "web", lambda obj: obj["data"].update({"tls.crt": "bm9uc2Vuc2U="}))
    world.settle()
    assert (why_not(world.found())[0], world.found()["status"]["revision"]) == ("True", 3)


def test_a_key_that_shall_stay_stays_and_cannot_become_another(world):
    world.certificate(privateKey={"algorithm": "ECDSA", "rotationPolicy": "Never"})
    world.settle()
    key = data_of(world.secret(), "tls.key")
    world.change(dnsNames=["other.example"])
    world.settle()
    assert data_of(world.secret(), "tls.key") == key
    world.change(privateKey={"algorithm": "Ed25519", "rotationPolicy": "Never"})
    world.settle()
    assert why_not(world.found(), "Issuing")[1] == "CannotRegenerateKey"
    world.change(privateKey={"algorithm": "Ed25519", "rotationPolicy": "Always"})
    world.settle()
    assert data_of(world.secret(), "tls.key") != key


def test_a_secret_keeps_what_others_put_into_it(world):
    old = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {"more": "eA=="}}
    world.store.create("secrets", {**old, "metadata": {"name": "web", "namespace": SPACE}})
    world.certificate(secretTemplate={"labels": {"tier": "front"}, "annotations": {"note": "seen"}})
    world.settle()
    assert (world.secret()["type"], sorted(world.secret()["data"])) == (
        "Opaque",
        ["ca.crt", "more", "tls.crt", "tls.key"],
    )
    serial = world.served().serial_number
    world.change(secretTemplate={"labels": {"tier": "back"}})
    world.settle()
    meta = world.secret()["metadata"]
    assert (meta["labels"]["tier"], meta["annotations"]["note"]) == ("back", "seen")
    assert world.served().serial_number == serial


def test_a_key_made_when_the_controller_is_told_to_stop_is_not_written(world, monkeypatch):
    begun, free = threading.Event(), threading.Event()
    monkeypatch.setattr(pki, "generate_key", lambda wanted: (begun.set(), free.wait(10)))
    world.certificate()

    async def stop_while_a_key_is_made() -> None:
        task = asyncio.create_task(world.controller.run(lambda text: None))
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        free.set()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(stop_while_a_key_is_made())
    assert begun.is_set()
    assert world.store.list("secrets") == []


def test_a_certificate_deleted_while_its_key_is_made_gets_none(world, monkeypatch):
    world.certificate("other")

    def and_delete(wanted: dict) -> pki.Key:
        for name in ("web", "other"):
            world.store.delete(CERTIFICATES, SPACE, name)
        return ec.generate_private_key(ec.SECP256R1())

    monkeypatch.setattr(pki, "generate_key", and_delete)
    world.certificate()
    world.settle()
    assert world.store.list("secrets") == []


def test_of_two_replicas_one_makes_the_key(world):
    world.certificate()
    other = CertificateController(world.store)

    async def both() -> None:
        for _ in range(10):
            await asyncio.gather(world.controller.look(), other.look())

    asyncio.run(both())
    assert why_not(world.found())[0] == "True"
    assert [one["metadata"]["name"] for one in world.store.list("secrets")] == ["web"]
    assert world.found()["status"]["revision"] == 1


def test_nothing_is_made_in_a_namespace_that_goes(world):
    world.certificate()
    world.store.mutate(
        "namespaces", None, SPACE, lambda obj: obj["metadata"].update(finalizers=["test/wait"])
    )
    world.store.delete("namespaces", None, SPACE)
    world.settle()
    assert (world.store.list("secrets"), world.store.list(REQUESTS)) == ([], [])


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ("bm9uc2Vuc2U=", "Error signing certificate: "),
        ("", "Error signing certificate: "),
    ],
)
def test_a_request_that_is_none_fails_with_a_reason(world, request_, why):
    world.make("CertificateRequest", "bad", issuerRef={"name": "self"}, request=request_)
    world.settle()
    status, reason, message = why_not(world.store.get(REQUESTS, SPACE, "bad"))
    assert (status, reason, message[: len(why)]) == ("False", "Failed", why)


def test_a_request_that_names_no_key_is_not_signed_by_itself(world):
    asked = pki.make_request({"commonName": "x"}, pki.generate_key({"algorithm": "ECDSA"}))
    world.make("CertificateRequest", "x", issuerRef={"name": "self"}, request=coded(asked))
    world.settle()
    assert "missing or reference empty" in why_not(world.store.get(REQUESTS, SPACE, "x"))[2]


def ingress(world, annotations: dict, *tls: dict) -> dict:
    notes = {f"cert-manager.io/{name}": text for name, text in annotations.items()}
    meta = {"name": "cafe", "namespace": SPACE, "annotations": notes, "labels": {"app": "cafe"}}
    made = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": meta,
        "spec": {"tls": list(tls)},
    }
    return world.store.create(INGRESSES, made)


ENTRY = {"hosts": ["cafe.example", "10.0.0.9"], "secretName": "cafe-tls"}


def test_an_ingress_gets_a_certificate_as_its_annotations_say(world):
    notes = {"issuer": "self", "duration": "2h", "common-name": "cafe", "private-key-algorithm": "ECDSA"}
    ingress(world, {**notes, "usages": "server auth, digital signature", "private-key-size": "384"}, ENTRY)
    world.settle()
    made = world.found("cafe-tls")
    assert made["spec"] == {
        "issuerRef": {"name": "self", "kind": "Issuer", "group": "cert-manager.io"},
        "duration": "2h",
        "commonName": "cafe",
        "usages": ["server auth", "digital signature"],
        "privateKey": {"algorithm": "ECDSA", "size": 384},
        "secretName": "cafe-tls",
        "dnsNames": ["cafe.example"],
        "ipAddresses": ["10.0.0.9"],
    }
    assert (why_not(made)[0], made["metadata"]["labels"]) == ("True", {"app": "cafe"})
    assert world.reasons("cafe") == {"CreateCertificate"}


def test_a_changed_ingress_changes_its_certificate_and_a_dropped_entry_deletes_it(world):
    ingress(world, {"issuer": "self"}, ENTRY)
    world.settle()
    entry = {**ENTRY, "hosts": ["tea.example"]}
    world.store.mutate(INGRESSES, SPACE, "cafe", lambda obj: obj["spec"].update(tls=[entry]))
    world.settle()
    assert world.found("cafe-tls")["spec"]["dnsNames"] == ["tea.example"]
    world.store.mutate(INGRESSES, SPACE, "cafe", lambda obj: obj["spec"].update(tls=[]))
    world.settle()
    with pytest.raises(NotFound):
        world.found("cafe-tls")
    assert world.reasons("cafe") == {"CreateCertificate", "UpdateCertificate", "DeleteCertificate"}


@pytest.mark.parametrize(
    ("annotations", "why"),
    [
        ({"issuer": "a", "cluster-issuer": "b"}, 'both "cert-manager.io/issuer" and'),
        ({"issuer": ""}, "failed to determine issuer name"),
        ({"issuer": "a", "duration": "soon"}, "spec.duration"),
        ({"issuer": "a", "duration": "1m"}, "certificate duration must be between 1h and 876000h"),
        ({"issuer": "a", "private-key-size": "big"}, 'private-key-size": "big" is no size'),
        ({"issuer": "a", "usages": "everything"}, "spec.usages[0]"),
        ({"issuer": "a", "issuer-kind": "Wizard"}, "spec.issuerRef.kind"),
    ],
)
def test_annotations_that_make_no_certificate_are_told_once(world, annotations, why):
    ingress(world, annotations, ENTRY)
    world.settle()
    (event,) = [one for one in world.store.list("events") if one["reason"] == "BadConfig"]
    assert why in event["message"]
    assert (event["type"], event["count"], world.store.list(CERTIFICATES)) == ("Warning", 1, [])


def test_what_was_said_of_an_ingress_is_forgotten_with_it(world):
    ingress(world, {"issuer": "self"}, {"secretName": "without-hosts"})
    world.settle()
    assert len(world.controller._shim._told) == 1
    world.store.delete(INGRESSES, SPACE, "cafe")
    world.settle()
    assert world.controller._shim._told == {}


def test_annotations_without_effect_and_entries_without_hosts_are_told(world):
    ingress(world, {"issuer": "self", "revision-history-limit": "3"}, {"secretName": "x"}, ENTRY)
    world.settle()
    (event,) = [one for one in world.store.list("events") if one["reason"] == "BadConfig"]
    assert event["message"] == (
        "annotation cert-manager.io/revision-history-limit has no effect in netlab; "
        "Skipped a TLS block: spec.tls[0].hosts: Required value"
    )
    assert why_not(world.found("cafe-tls"))[0] == "True"


def test_somebody_elses_certificate_of_that_name_is_let_alone(world):
    world.certificate("cafe-tls", dnsNames=["mine.example"])
    ingress(world, {"issuer": "self"}, ENTRY)
    world.settle()
    assert world.found("cafe-tls")["spec"]["dnsNames"] == ["mine.example"]


def test_the_chain_of_bundles_ends_where_no_issuer_is_known(chain):
    leaf, middle = chain.served("middle"), chain.served("root")
    assert pki.bundle(leaf, ()) == (pki.pem_of(leaf), b"")
    assert pki.bundle(leaf, (middle,)) == (pki.pem_of(leaf), pki.pem_of(middle))
