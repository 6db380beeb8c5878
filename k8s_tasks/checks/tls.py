"""A server's certificate as a client sees it: names, who signed it, whether it is trusted and valid now.

The client is the node agent's openssl, which no student can replace.
"""

import base64
import re

from cryptography import x509
from cryptography.x509.oid import NameOID
from django.utils.translation import gettext_noop as _

from curriculum.kinds import NODE_PLACE, TlsSettings
from curriculum.reasons import Reason
from k8s_tasks.checks.finding import Broken, Finding, failed, passed
from k8s_tasks.checks.round import Round
from k8s_tasks.cluster.execs import Completed

_CLIENT = """trusted=$(mktemp) || exit 126
trap 'rm -f "$trusted"' EXIT
printf '%s' "$1" >"$trusted"
timeout 5 openssl s_client -connect "$2" -servername "$3" -verify_hostname "$3" -CAfile "$trusted" \\
    -no-CApath -no-CAstore -showcerts </dev/null
"""
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_VERIFIED = re.compile(r"Verify return code: (\d+) \((.+)\)")


async def check(settings: TlsSettings, round: Round) -> Finding:
    trusted = await _trusted(settings, round)
    if trusted is None:
        return failed(
            Reason.MISSING, _("There is no %(kind)s named %(name)s yet."), kind="Secret", name=settings.trusts
        )
    peer = f"{round.fill(settings.address)}:{round.fill(settings.port)}"
    argv = ["bash", "-c", _CLIENT, "client", trusted, peer, round.fill(settings.name)]
    done = await round.run_in(f"{NODE_PLACE}{settings.node}", argv)
    return judge(settings, done, name=round.fill(settings.name), names=[*map(round.fill, settings.names)])


async def _trusted(settings: TlsSettings, round: Round) -> str | None:
    """The certificates the client trusts, in PEM; None while their Secret is not there."""
    if not settings.trusts:
        return ""
    secret = await round.get("v1", "Secret", name=round.fill(settings.trusts))
    data = (secret or {}).get("data") or {}
    found = data.get("ca.crt") or data.get("tls.crt")
    return base64.b64decode(found).decode(errors="replace") if found else None


def judge(settings: TlsSettings, done: Completed, *, name: str, names: list[str]) -> Finding:
    if done.exit_code in (126, 127):
        raise Broken(_("The command %(name)s cannot be run in %(pod)s."), name="openssl", pod=_node(settings))
    chain = [x509.load_pem_x509_certificate(pem) for pem in _CERTIFICATE.findall(done.stdout)]
    if not chain:
        return failed(Reason.NO_HANDSHAKE, _("No TLS handshake with %(name)s could be finished."), name=name)
    facts = {"name": name, **_facts_of(chain[0])}
    evidence = {**_facts_of(chain[0]), "chain": len(chain), "verify": _verified(done)[1]}
    if missing := set(names) - set(evidence["names"]):
        sentence = _("The certificate does not hold the name %(missing)s.")
        return failed(Reason.WRONG_NAMES, sentence, evidence, missing=", ".join(sorted(missing)))
    if settings.issuer and settings.issuer != facts["issuer"]:
        return failed(
            Reason.WRONG_ISSUER,
            _("The certificate was signed by %(issuer)s, not by %(wanted)s."),
            evidence,
            wanted=settings.issuer,
            **facts,
        )
    if settings.trusts and _verified(done)[0] != "0":
        return failed(
            Reason.UNTRUSTED,
            _("A client does not trust this certificate: %(why)s."),
            evidence,
            why=_verified(done)[1],
        )
    return passed(
        _("A client that asks for %(name)s is shown a certificate signed by %(issuer)s."), evidence, **facts
    )


def _verified(done: Completed) -> tuple[str, str]:
    """openssl's code and words on whether the chain is trusted and the name is right."""
    found = _VERIFIED.findall(done.stdout.decode(errors="replace"))
    return found[-1] if found else ("", "")


def _facts_of(certificate: x509.Certificate) -> dict:
    return {
        "names": _names(certificate),
        "issuer": _common_name(certificate.issuer),
        "serial": f"{certificate.serial_number:x}",
        "not_after": certificate.not_valid_after_utc.isoformat(),
    }


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in held]


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def _node(settings: TlsSettings) -> str:
    return f"{NODE_PLACE}{settings.node}"
