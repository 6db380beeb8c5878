"""cert-manager on a running cluster: chains as OpenSSL in a pod sees them, through the real nginx."""

import base64
import json
import re
import subprocess

import pytest

from tests.netlab.worlds import pod, service

pytestmark = pytest.mark.integration

SERVE = ["python3", "-m", "http.server", "80"]
READY = ("--for=condition=Ready", "--timeout=20s")


def manager(kind: str, name: str, namespace: str = "", **spec) -> dict:
    meta = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": "cert-manager.io/v1", "kind": kind, "metadata": meta, "spec": spec}


def certificate(namespace: str, name: str, *, issuer: str = "lab", **spec) -> dict:
    wanted = {"secretName": name, "issuerRef": {"name": issuer}, "privateKey": {"algorithm": "ECDSA"}}
    return manager("Certificate", name, namespace, **{**wanted, **spec})


@pytest.fixture(scope="module")
def lab(netlab):
    """A root that signs itself, the Issuer `lab` of an authority below it, and a client on a node."""
    namespace = "certificates-live"
    netlab.kubectl("create", "namespace", namespace)
    netlab.apply(
        manager("Issuer", "self", namespace, selfSigned={}),
        certificate(namespace, "root", issuer="self", isCA=True, commonName="lab root"),
        manager("Issuer", "root", namespace, ca={"secretName": "root"}),
        certificate(namespace, "middle", issuer="root", isCA=True, commonName="lab middle"),
        manager("Issuer", "lab", namespace, ca={"secretName": "middle"}),
        pod("client", namespace, node="redes-worker2", spec={"hostNetwork": True}),
        pod("cafe", namespace, *SERVE),
        service("cafe", namespace, {"app": "cafe"}, 80),
    )
    netlab.kubectl("wait", "-n", namespace, "issuer/lab", "pod/client", "pod/cafe", *READY)
    yield namespace
    netlab.kubectl("delete", "namespace", namespace, "--wait=false")


def ready(netlab, namespace: str, name: str) -> None:
    netlab.kubectl("wait", "-n", namespace, f"certificate/{name}", *READY)


def secret(netlab, namespace: str, name: str) -> dict[str, str]:
    data = netlab.get("secret", name, "-n", namespace)["data"]
    return {key: base64.b64decode(text).decode() for key, text in data.items()}


def in_pod(netlab, namespace: str, script: str, stdin: str = "") -> str:
    run = ["exec", "-i", "-n", namespace, "client", "--", "bash", "-c", script]
    return netlab.kubectl(*run, stdin=stdin or "\n", ok=False).stdout


def serial(pem: str) -> str:
    show = ["openssl", "x509", "-noout", "-serial"]
    return subprocess.run(show, input=pem, capture_output=True, text=True, check=True).stdout.strip()


def await_revision(netlab, namespace: str, name: str, revision: int) -> None:
    reached = f"--for=jsonpath={{.status.revision}}={revision}"
    netlab.kubectl("wait", "-n", namespace, f"certificate/{name}", reached, "--timeout=20s")
    ready(netlab, namespace, name)


def ingress(namespace: str, name: str, host: str, **annotations: str) -> dict:
    backend = {"service": {"name": "cafe", "port": {"number": 80}}}
    rule = {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    notes = {f"cert-manager.io/{key.replace('_', '-')}": text for key, text in annotations.items()}
    spec = {"ingressClassName": "nginx", "tls": [{"hosts": [host], "secretName": name}], "rules": [rule]}
    meta = {"name": name, "namespace": namespace, "annotations": notes}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta, "spec": spec}


def handshake(netlab, host: str) -> str:
    """The command by which a pod that trusts /tmp/root asks nginx for this host's certificate."""
    ports = netlab.get("service", "nginx-ingress", "-n", "nginx-ingress")["spec"]["ports"]
    (port,) = [one["nodePort"] for one in ports if one["name"] == "https"]
    ask = f"openssl s_client -connect 172.18.0.3:{port} -servername {host} -verify_hostname {host}"
    return f"timeout 5 {ask} -showcerts -CAfile /tmp/root </dev/null 2>&1"


def shown(netlab, lab: str, host: str, until: str = "Verify return code: 0 (ok)") -> str:
    """What `openssl s_client` that trusts the root says of nginx, as soon as that is in it."""
    ask = f"answer=$({handshake(netlab, host)})"
    # Without any certificate openssl says "Verify return code: 0 (ok)" too.
    is_there = f"[[ $answer = *-----BEGIN* && $answer = *'{until}'* ]]"
    loop = f'until {is_there}; do {ask}; done; echo "$answer"'
    trust = secret(netlab, lab, "root")["tls.crt"]
    return in_pod(netlab, lab, f"cat > /tmp/root; answer=; {loop}", trust)


def test_a_client_sees_the_chain_of_an_annotated_ingress(netlab, lab):
    netlab.apply(ingress(lab, "cafe-tls", "cafe.example", issuer="lab", private_key_algorithm="ECDSA"))
    ready(netlab, lab, "cafe-tls")
    answer = shown(netlab, lab, "cafe.example")
    chain = re.findall(r" s:(.*)\n +i:(.*)", answer)
    assert chain == [("", "CN = lab middle"), ("CN = lab middle", "CN = lab root")]
    assert "Verified peername: cafe.example" in answer
    events = netlab.kubectl("events", "-n", lab, "--for", "ingress/cafe-tls").stdout
    assert 'Successfully created Certificate "cafe-tls"' in events


def test_a_cluster_issuer_signs_for_ingresses_of_any_namespace(netlab, lab):
    home = "cert-manager"
    netlab.apply(
        manager("ClusterIssuer", "live-self", selfSigned={}),
        certificate(
            home,
            "live-ca",
            issuerRef={"name": "live-self", "kind": "ClusterIssuer"},
            isCA=True,
            commonName="all",
        ),
        manager("ClusterIssuer", "live-ca", ca={"secretName": "live-ca"}),
        ingress(lab, "all-tls", "all.example", cluster_issuer="live-ca"),
    )
    netlab.kubectl("wait", "clusterissuer/live-ca", *READY)
    ready(netlab, lab, "all-tls")
    answer = shown(netlab, lab, "all.example", until="i:CN = all")
    assert "s:\n   i:CN = all" in answer
    netlab.kubectl("delete", "clusterissuer", "live-self", "live-ca")
    netlab.kubectl("delete", "-n", home, "certificate/live-ca", "secret/live-ca")


def test_openssl_in_a_pod_verifies_a_secret_by_its_own_authority(netlab, lab):
    names = {"dnsNames": ["a.example"], "ipAddresses": ["10.0.0.7"], "uris": ["spiffe://lab/a"]}
    netlab.apply(certificate(lab, "a", **names, usages=["digital signature", "server auth"], duration="48h"))
    ready(netlab, lab, "a")
    content = secret(netlab, lab, "a")
    split = "csplit -sz -f /tmp/a. - '/BEGIN CERTIFICATE/' '{*}'; cd /tmp; "
    verify = split + "openssl verify -purpose sslserver -CAfile a.02 -untrusted a.01 a.00; "
    text = in_pod(
        netlab, lab, verify + "openssl x509 -in a.00 -noout -text", content["tls.crt"] + content["ca.crt"]
    )
    assert text.startswith("a.00: OK\n")
    assert "DNS:a.example, IP Address:10.0.0.7, URI:spiffe://lab/a" in text
    assert "TLS Web Server Authentication" in text


def test_what_is_shown_are_cert_managers_columns(netlab, lab):
    rows = {
        kind: netlab.kubectl("get", kind, "-n", lab, "-o", "wide").stdout.splitlines()[0].split()
        for kind in ("certificates", "certificaterequests", "issuers")
    }
    assert rows == {
        "certificates": ["NAME", "READY", "SECRET", "ISSUER", "STATUS", "AGE"],
        "certificaterequests": ["NAME", "APPROVED", "DENIED", "READY", "ISSUER", "STATUS", "AGE"],
        "issuers": ["NAME", "READY", "STATUS", "AGE"],
    }


def test_a_wrong_issuer_leaves_the_certificate_not_ready_and_the_request_says_why(netlab, lab):
    netlab.apply(certificate(lab, "lost", issuer="nobody", dnsNames=["lost.example"]))
    pending = "--for=jsonpath={.status.conditions[?(@.type=='Ready')].reason}=Pending"
    netlab.kubectl("wait", "-n", lab, "certificaterequest/lost-1", "--for=create", "--timeout=10s")
    netlab.kubectl("wait", "-n", lab, "certificaterequest/lost-1", pending, "--timeout=10s")
    told = netlab.kubectl("describe", "certificaterequest", "lost-1", "-n", lab).stdout
    assert 'Referenced "Issuer" not found: issuer.cert-manager.io "nobody" not found' in told
    (ready,) = [
        c
        for c in netlab.get("certificate", "lost", "-n", lab)["status"]["conditions"]
        if c["type"] == "Ready"
    ]
    assert (ready["status"], ready["reason"]) == ("False", "DoesNotExist")


def test_changed_names_and_a_deleted_secret_are_issued_anew(netlab, lab):
    netlab.apply(certificate(lab, "b", dnsNames=["b.example"]))
    ready(netlab, lab, "b")
    first = serial(secret(netlab, lab, "b")["tls.crt"])
    netlab.apply(certificate(lab, "b", dnsNames=["b.example", "c.example"]))
    await_revision(netlab, lab, "b", 2)
    text = in_pod(netlab, lab, "openssl x509 -noout -text", secret(netlab, lab, "b")["tls.crt"])
    assert "DNS:b.example, DNS:c.example" in text
    netlab.kubectl("delete", "secret", "b", "-n", lab)
    await_revision(netlab, lab, "b", 3)
    assert serial(secret(netlab, lab, "b")["tls.crt"]) != first


def test_a_renewed_certificate_is_served_within_seconds(netlab, lab):
    soon = {"duration": "1h", "renew_before": "59m57s", "private_key_algorithm": "ECDSA"}
    netlab.apply(ingress(lab, "soon", "soon.example", issuer="lab", **soon))
    ready(netlab, lab, "soon")
    answer = shown(netlab, lab, "soon.example")
    first = serial(answer[answer.index("-----BEGIN") :])
    ask = f"now=$({handshake(netlab, 'soon.example')} | openssl x509 -noout -serial)"
    now = in_pod(
        netlab, lab, f"now=; until [[ $now = serial=* && $now != {first} ]]; do {ask}; done; echo $now"
    )
    assert now.startswith("serial=")
    assert netlab.get("certificate", "soon", "-n", lab)["status"]["revision"] > 1
    netlab.kubectl("delete", "ingress", "soon", "-n", lab)
    netlab.kubectl("wait", "-n", lab, "certificate/soon", "--for=delete", "--timeout=10s")


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({}, "at least one of commonName, dnsNames, emailAddresses, ipAddresses, or uris must be set"),
        ({"commonName": "x", "duration": "10m"}, "certificate duration must be between 1h and 876000h"),
        ({"commonName": "x", "duration": "2h", "renewBefore": "2h"}, "must be greater than renewBefore"),
        ({"commonName": "x", "renewBefore": "1s"}, "certificate renewBefore must be at least 5m"),
        ({"commonName": "x" * 65}, "64"),
        ({"commonName": "x", "usages": ["all"]}, 'Unsupported value: "all"'),
        ({"commonName": "x", "privateKey": {"size": 1024}}, "must be between 2048 and 4096"),
        ({"commonName": "x", "privateKey": {"algorithm": "ECDSA", "size": 1}}, "must be 256, 384 or 521"),
        (
            {"commonName": "x", "secretTemplate": {"annotations": {"cert-manager.io/x": ""}}},
            "are not allowed",
        ),
        ({"commonName": "x", "keystores": {}}, 'unknown field "spec.keystores"'),
        ({"commonName": "x", "issuerRef": {"name": "x", "kind": "Y"}}, 'Unsupported value: "Y"'),
    ],
)
def test_a_spec_that_makes_no_certificate_is_refused(netlab, namespace, spec, why):
    wanted = certificate(namespace, "bad", **spec)
    answer = netlab.kubectl("create", "-f", "-", stdin=json.dumps(wanted), ok=False)
    assert answer.returncode != 0
    assert why in answer.stderr


def test_the_pods_log_tells_and_a_new_pod_goes_on(netlab, lab):
    netlab.apply(certificate(lab, "late", issuer="later", dnsNames=["late.example"]))
    netlab.kubectl("delete", "pod", "--all", "-n", "cert-manager")
    netlab.apply(manager("Issuer", "later", lab, selfSigned={}))
    ready(netlab, lab, "late")
    log = netlab.kubectl("logs", "-n", "cert-manager", "deploy/cert-manager").stdout
    assert f'"certificate issued" certificate="{lab}/late" revision=1' in log


def test_who_may_edit_a_namespace_may_make_certificates_there(netlab, namespace):
    netlab.kubectl("create", "serviceaccount", "bob", "-n", namespace)
    bound = f"--serviceaccount={namespace}:bob"
    netlab.kubectl("create", "rolebinding", "bob", "--clusterrole=edit", bound, "-n", namespace)
    ask = ["auth", "can-i", "create", "certificates.cert-manager.io", "-n", namespace]
    assert netlab.kubectl(*ask, f"--as=system:serviceaccount:{namespace}:bob").stdout == "yes\n"
