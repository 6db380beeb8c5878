"""What a probe found of one capability, and why."""

from dataclasses import dataclass, field

from django.utils.translation import gettext_noop as _

from k8s_tasks.enums import CapabilityState
from k8s_tasks.speech import in_all_languages

NOT_MEASURED = _("It has not been measured on this cluster yet.")
PROBE_FAILED = _("The probe itself failed: %(error)s")


@dataclass(frozen=True)
class Finding:
    """`sentence` is a msgid marked by gettext_noop; `facts` fill it in. `address` is where the capability is
    found, for one that has an address."""

    state: CapabilityState
    sentence: str
    facts: dict = field(default_factory=dict)
    address: str = ""

    def told(self) -> dict:
        told = {"state": self.state.value, "reason": in_all_languages(self.sentence, **self.facts)}
        return told | ({"address": self.address} if self.address else {})


def present(sentence: str, **facts) -> Finding:
    return Finding(CapabilityState.PRESENT, sentence, facts)


def absent(sentence: str, **facts) -> Finding:
    return Finding(CapabilityState.ABSENT, sentence, facts)


def unknown(sentence: str, **facts) -> Finding:
    return Finding(CapabilityState.UNKNOWN, sentence, facts)


def broken(error: object) -> Finding:
    """The probe failed, so nothing is known."""
    return unknown(PROBE_FAILED, error=str(error) or type(error).__name__)
