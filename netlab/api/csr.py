"""What the API adds to CertificateSigningRequests: who asks is written down, and not everybody may decide."""

from netlab import pki
from netlab.schema.signingrules import DECISIONS
from netlab.store import clock, clone

from . import status
from .auth import MASTERS
from .rbac import Access, Authorizer
from .request import Call

KIND = "CertificateSigningRequest"
_CLIENT = "kubernetes.io/kube-apiserver-client"


def sign_in(call: Call, obj: dict) -> None:
    """The spec of a new request says whose it is, whatever its sender wrote there. Raises ApiError (403)."""
    spec = obj.setdefault("spec", {})
    for name in ("username", "uid", "groups", "extra"):
        spec.pop(name, None)
    spec |= call.user.info
    if spec.get("signerName") == _CLIENT and MASTERS in _organizations(spec):
        why = f"use of {_CLIENT} signer with {MASTERS} group is not allowed"
        raise status.forbidden(call.kind, obj["metadata"].get("name", ""), why)


def _organizations(spec: dict) -> list[str]:
    try:
        return pki.names_of(pki.load_request(pki.decoded(spec.get("request", ""))))["organizations"]
    except pki.Unusable:
        return []  # told by the rules


def require_signer(authorizer: Authorizer, call: Call, live: dict) -> None:
    """Raises ApiError (403) for who may not approve, or fill in, what this signer is asked for."""
    signer = live["spec"]["signerName"]
    verb = "approve" if call.subresource == "approval" else "sign"
    names = (signer, f"{signer.partition('/')[0]}/*")
    asked = [Access(verb, call.kind.group, "signers", name=name) for name in names]
    if not any(authorizer.allows(call.user, one) for one in asked):
        why = f'user not permitted to {verb} requests with signerName "{signer}"'
        raise status.forbidden(call.kind, call.name or "", why)


def judged(call: Call, new: dict, live: dict) -> dict:
    """`live` as the subresource may change it: an approval the conditions, the status all but decisions."""
    result, told = clone(live), new.get("status", {})
    before = live.get("status", {})
    conditions = _stamped(told.get("conditions", []), before.get("conditions", []))
    if call.subresource == "approval":
        result["status"] = {**clone(before), "conditions": conditions}
        return result
    decided = [one for one in before.get("conditions", []) if one["type"] in DECISIONS]
    others = [one for one in conditions if one.get("type") not in DECISIONS]
    result["status"] = {**clone(told), "conditions": [*decided, *others]}
    return result


def _stamped(conditions: list[dict], before: list[dict]) -> list[dict]:
    known = {one["type"]: one for one in before}
    stamps = {"lastUpdateTime": clock.now(), "lastTransitionTime": clock.now()}
    return [{**stamps, **known.get(one.get("type", ""), {}), **one} for one in conditions]
