"""A cluster reached at an address that its certificate does not name: the kubeconfig says whom it names."""

import base64
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from k8s_tasks.cluster.errors import Unreachable
from k8s_tasks.cluster.execs import run_to_end, start_process
from tests.exec_server import exec_server


@pytest.fixture
def certificate(tmp_path) -> tuple[ssl.SSLContext, str]:
    """A server's context, and its certificate as kubeconfigs hold it; it names cluster.test alone."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("cluster.test")]), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    both = tmp_path / "server.pem"
    both.write_bytes(made + key.private_bytes(serialization.Encoding.PEM, *plain))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(both)
    return context, base64.b64encode(made).decode()


async def test_the_name_that_the_kubeconfig_gives_is_asked_for(tmp_path, certificate):
    context, text = certificate
    named = {"certificate-authority-data": text, "tls-server-name": "cluster.test"}
    async with exec_server(tmp_path, tls=context, named=named) as (api, _server):
        assert await api.version() == "v1.36.0"
        process = await start_process(api, "ns", "ana", ["echo", "here"])
        assert (await run_to_end(process, seconds=5)).stdout == b"here\n"


async def test_without_it_the_certificate_must_name_the_address(tmp_path, certificate):
    context, text = certificate
    named = {"certificate-authority-data": text}
    async with exec_server(tmp_path, tls=context, named=named) as (api, _server):
        with pytest.raises(Unreachable, match=r"not valid for '127\.0\.0\.1'"):
            await api.version()
