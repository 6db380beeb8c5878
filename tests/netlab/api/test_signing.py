"""CertificateSigningRequests: made, decided, signed, and what their certificates are good for."""

import asyncio
import base64
import ssl
from datetime import timedelta

import aiohttp
import pytest
from cryptography import x509

from netlab import pki
from netlab.controllers.signing import RESOURCE, SigningController
from netlab.store import clock

PATH = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
CLIENT = "kubernetes.io/kube-apiserver-client"
SERVING = "kubernetes.io/kubelet-serving"
CLIENT_USAGES = ["digital signature", "client auth"]
SERVING_USAGES = ["digital signature", "server auth"]
NODE = {"commonName": "system:node:worker", "subject": {"organizations": ["system:nodes"]}}


class Asking:
    """A key, and the request that is made with it."""

    def __init__(self, signer=CLIENT, usages=CLIENT_USAGES, name="ana", *, names=None, **spec):
        self.key = pki.generate_key({"algorithm": "ECDSA"})
        names = names or {"commonName": "ana", "subject": {"organizations": ["team"]}}
        pem = pki.make_request(names, self.key)
        spec = {"request": base64.b64encode(pem).decode(), "signerName": signer, "usages": usages, **spec}
        kind = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest"}
        self.manifest = {**kind, "metadata": {"name": name}, "spec": spec}


def approved(obj, kind="Approved") -> dict:
    condition = {"type": kind, "status": "True", "reason": "ByTest", "message": "yes"}
    return {**obj, "status": {"conditions": [condition]}}


async def decide(plane, obj, kind="Approved", code=200) -> dict:
    return await plane.call(
        "PUT", f"{PATH}/{obj['metadata']['name']}/approval", approved(obj, kind), code=code
    )


async def until(plane, name: str, ready) -> dict:
    """The request's status when it is as wanted."""
    async with asyncio.timeout(30), plane.store.watch(RESOURCE, since=0) as changes:
        async for event in changes:
            if event.object["metadata"]["name"] == name and ready(event.object.get("status", {})):
                return event.object["status"]
    raise AssertionError


async def issued(plane, asking: Asking) -> x509.Certificate:
    made = await plane.call("POST", PATH, asking.manifest, code=201)
    await decide(plane, made)
    status = await until(plane, made["metadata"]["name"], lambda status: "certificate" in status)
    return pki.load_certificates(base64.b64decode(status["certificate"]))[0]


async def test_a_request_says_whose_it_is(plane):
    wanted = Asking(username="root", groups=["system:masters"]).manifest
    made = await plane.call("POST", PATH, wanted, code=201)
    assert made["spec"]["username"] == "kubernetes-admin"
    assert made["spec"]["groups"] == ["system:masters", "system:authenticated"]
    changed = {**made, "spec": {**made["spec"], "username": "other"}}
    kept = await plane.call("PUT", f"{PATH}/ana", changed, code=200)
    assert kept["spec"] == made["spec"]


@pytest.mark.parametrize("usages", [CLIENT_USAGES, ["client auth"]])
async def test_an_approved_client_logs_in_by_its_certificate(plane, tmp_path, usages):
    asking = Asking(usages=usages, expirationSeconds=1200)
    certificate = await issued(plane, asking)
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == timedelta(seconds=1500)
    chain = tmp_path / "ana.pem"
    chain.write_bytes(pki.pem_of(certificate) + pki.encode_key(asking.key))
    context = ssl.create_default_context(cadata=plane.plane.authority.ca_pem.decode())
    context.load_cert_chain(chain)
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
        url = f"{plane.url}/apis/authentication.k8s.io/v1/selfsubjectreviews"
        async with session.post(url, json=review) as answer:
            told = await answer.json()
    assert told["status"]["userInfo"] == {"username": "ana", "groups": ["team", "system:authenticated"]}


async def test_without_approval_and_for_other_signers_nothing_is_signed(plane):
    for name, signer in (("pending", CLIENT), ("denied", CLIENT), ("foreign", "example.com/own")):
        await plane.call("POST", PATH, Asking(signer, name=name).manifest, code=201)
    for name, kind in (("denied", "Denied"), ("foreign", "Approved")):
        await decide(plane, await plane.call("GET", f"{PATH}/{name}"), kind)
    await issued(plane, Asking(name="last"))  # by then the others have been looked at
    found = await plane.call("GET", PATH, code=200)
    signed = [one["metadata"]["name"] for one in found["items"] if one.get("status", {}).get("certificate")]
    assert signed == ["last"]


async def test_a_kubelets_serving_certificate(plane):
    names = {**NODE, "dnsNames": ["worker"], "ipAddresses": ["10.0.0.7"]}
    certificate = await issued(plane, Asking(SERVING, SERVING_USAGES, names=names))
    assert pki.names_of(certificate)["ipAddresses"] == ["10.0.0.7"]
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]


@pytest.mark.parametrize(
    ("asking", "why"),
    [
        (Asking(SERVING, SERVING_USAGES, names=NODE), "at least one of DNS or IP"),
        (Asking(SERVING, SERVING_USAGES), "at least one of DNS or IP"),
        (Asking(SERVING, SERVING_USAGES, names={"commonName": "x", "dnsNames": ["x"]}), "not system:nodes"),
        (Asking(usages=["client auth", "server auth"]), "usage server auth is not allowed"),
        (Asking(usages=["digital signature"]), "did not contain client auth"),
        (Asking(f"{CLIENT}-kubelet", names={**NODE, "dnsNames": ["x"]}), "subjectAltNames are not allowed"),
    ],
)
async def test_who_asks_for_more_than_the_signer_gives_has_failed(plane, asking, why):
    made = await plane.call("POST", PATH, asking.manifest, code=201)
    await decide(plane, made)
    failed = lambda status: any(one["type"] == "Failed" for one in status.get("conditions", []))  # noqa: E731
    status = await until(plane, "ana", failed)
    assert why in status["conditions"][-1]["message"] and "certificate" not in status


async def test_nobody_gets_the_masters_certificate(plane):
    names = {"commonName": "ana", "subject": {"organizations": ["system:masters"]}}
    refused = await plane.call("POST", PATH, Asking(names=names).manifest, code=403)
    assert "system:masters group is not allowed" in refused["message"]


async def test_who_may_approve(plane):
    made = await plane.call("POST", PATH, Asking().manifest, code=201)
    rules = [{"apiGroups": ["certificates.k8s.io"], "resources": ["*"], "verbs": ["update"]}]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "rules": rules}
    group = "/apis/rbac.authorization.k8s.io/v1"
    await plane.call("POST", f"{group}/clusterroles", {**role, "metadata": {"name": "signs"}}, code=201)
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "signs"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "signs"},
        "subjects": [{"kind": "User", "name": "rui", "apiGroup": "rbac.authorization.k8s.io"}],
    }
    await plane.call("POST", f"{group}/clusterrolebindings", binding, code=201)
    rui = {"Impersonate-User": "rui"}
    path = f"{PATH}/ana/approval"
    refused = await plane.call("PUT", path, approved(made), code=403, headers=rui)
    assert f'not permitted to approve requests with signerName "{CLIENT}"' in refused["message"]
    rules += [{"apiGroups": ["certificates.k8s.io"], "resources": ["signers"], "verbs": ["approve"]}]
    rules[-1]["resourceNames"] = ["kubernetes.io/*"]
    role = {**role, "metadata": {"name": "signs"}, "rules": rules}
    await plane.call("PUT", f"{group}/clusterroles/signs", role, code=200)
    await plane.call("PUT", path, approved(made), code=200, headers=rui)


async def test_a_decision_is_for_ever_and_only_one(plane):
    made = await plane.call("POST", PATH, Asking().manifest, code=201)
    denied = await decide(plane, made, "Denied")
    refused = await decide(plane, {**denied, "metadata": {"name": "ana"}}, "Approved", code=422)
    assert "may not remove a condition" in refused["message"]
    both = {**made, "metadata": {"name": "ana"}}
    both["status"] = {
        "conditions": [*denied["status"]["conditions"], *approved(made)["status"]["conditions"]]
    }
    refused = await plane.call("PUT", f"{PATH}/ana/approval", both, code=422)
    assert "mutually exclusive" in refused["message"]
    assert "certificate" not in denied["status"] and denied["spec"] == made["spec"]


async def test_the_status_decides_nothing(plane):
    made = await plane.call("POST", PATH, Asking("example.com/own").manifest, code=201)
    told = await plane.call("PUT", f"{PATH}/ana/status", approved(made), code=200)
    assert told["status"]["conditions"] == []
    signed = {**made, "metadata": {"name": "ana"}, "status": {"certificate": "QUJD"}}
    told = await plane.call("PUT", f"{PATH}/ana/status", signed, code=200)
    assert told["status"]["certificate"] == "QUJD"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("request", base64.b64encode(b"no request").decode()),
        ("usages", []),
        ("usages", ["flying"]),
        ("usages", ["client auth", "client auth"]),
        ("signerName", "nodomain"),
        ("signerName", "kubernetes.io/legacy-unknown"),
        ("expirationSeconds", 599),
    ],
)
async def test_what_is_invalid(plane, field, value):
    refused = await plane.call("POST", PATH, Asking(**{field: value}).manifest, code=422)
    assert all(cause["field"].startswith(f"spec.{field}") for cause in refused["details"]["causes"])


async def test_old_requests_are_removed(plane, monkeypatch):
    made = await plane.call("POST", PATH, Asking().manifest, code=201)
    authority = plane.plane.authority
    controller = SigningController(plane.store, authority.ca.key, authority.ca.certificate)
    assert 86_000 < controller.sync(("ana",)) <= 86_400
    await decide(plane, made, "Denied")
    assert 3500 < controller.sync(("ana",)) <= 3600
    monkeypatch.setattr(clock, "seconds_since", lambda stamp: 3601)
    controller.sync(("ana",))
    assert plane.store.find(RESOURCE, None, "ana") is None


async def test_kubectl_approves(plane):
    asking = Asking()
    await plane.call("POST", PATH, asking.manifest, code=201)
    told = await plane.kubectl("certificate", "approve", "ana")
    assert "certificatesigningrequest.certificates.k8s.io/ana approved" in told
    await until(plane, "ana", lambda status: "certificate" in status)
    row = (await plane.kubectl("get", "csr")).splitlines()[1].split()
    assert row[0] == "ana" and row[2:] == [CLIENT, "kubernetes-admin", "<none>", "Approved,Issued"]
