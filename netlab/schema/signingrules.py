"""What makes a CertificateSigningRequest invalid, and an approval of one."""

from netlab import pki

from .causes import Cause, duplicate, forbidden, invalid, required, unsupported

_SHORTEST = 600
_LEGACY = "kubernetes.io/legacy-unknown"
DECISIONS = ("Approved", "Denied")
_FINAL = (*DECISIONS, "Failed")


def check_signing_request(obj: dict) -> list[Cause]:
    spec, found = obj.get("spec", {}), []
    name = spec.get("signerName", "")
    if not name:
        found.append(required("spec.signerName"))
    elif name == _LEGACY:
        found.append(
            invalid("spec.signerName", name, "the legacy signerName is not allowed via this API version")
        )
    elif not all(name.partition("/")):
        wanted = "should be a fully qualified domain and path of the form 'example.com/signer-name'"
        found.append(invalid("spec.signerName", name, f"must be a fully qualified domain and path: {wanted}"))
    usages = spec.get("usages", [])
    if not usages:
        found.append(required("spec.usages", "usages must be specified"))
    known = {*pki.KEY_USAGES, *pki.EXTENDED_USAGES}
    for index, usage in enumerate(usages):
        if usage not in known:
            found.append(unsupported(f"spec.usages[{index}]", usage, list(known)))
        elif usage in usages[:index]:
            found.append(duplicate(f"spec.usages[{index}]", usage))
    if spec.get("expirationSeconds", _SHORTEST) < _SHORTEST:
        why = "may not specify a duration less than 600 seconds (10 minutes)"
        found.append(invalid("spec.expirationSeconds", spec["expirationSeconds"], why))
    return [*found, *_check_request(spec.get("request", "")), *_check_conditions(obj)]


def _check_request(text: str) -> list[Cause]:
    try:
        pki.load_request(pki.decoded(text))
    except pki.Unusable as error:
        return [invalid("spec.request", text, str(error))] if text else [required("spec.request")]
    return []


def _check_conditions(obj: dict) -> list[Cause]:
    conditions, found = obj.get("status", {}).get("conditions", []), []
    kinds = [one.get("type", "") for one in conditions]
    for index, one in enumerate(conditions):
        where = f"status.conditions[{index}]"
        if not one.get("type"):
            found.append(required(f"{where}.type"))
        elif one["type"] in kinds[:index]:
            found.append(duplicate(f"{where}.type", one["type"]))
        if one.get("type") in _FINAL and one.get("status") != "True":
            found.append(invalid(f"{where}.status", one.get("status", ""), f"{one['type']} must be True"))
    if all(kind in kinds for kind in DECISIONS):
        why = "Approved and Denied conditions are mutually exclusive"
        found.append(invalid(f"status.conditions[{kinds.index('Denied')}].type", "Denied", why))
    return found


def signing_request_update(new: dict, old: dict) -> list[Cause]:
    """What has been decided stays decided, and a certificate is given once."""
    before, after = old.get("status", {}), new.get("status", {})
    kept = [one.get("type") for one in after.get("conditions", [])]
    found = [
        forbidden("status.conditions", f'updates may not remove a condition of type "{one["type"]}"')
        for one in before.get("conditions", [])
        if one["type"] in _FINAL and one["type"] not in kept
    ]
    if before.get("certificate") and after.get("certificate") != before["certificate"]:
        found.append(forbidden("status.certificate", "updates may not change a certificate"))
    return found
