"""A verdict with its reason in every language, its evidence and, for a failure, a word for the reason."""

from dataclasses import dataclass, field

from django.utils.translation import gettext_noop as _

from curriculum.enums import Verdict
from curriculum.reasons import Reason
from curriculum.text import Text
from k8s_tasks.speech import in_all_languages


@dataclass(frozen=True)
class Finding:
    verdict: Verdict
    reason: dict[str, str]
    evidence: dict = field(default_factory=dict)
    code: Reason | None = None


class Broken(Exception):
    """The platform could not look; `sentence` is a msgid with its facts."""

    def __init__(self, sentence: str, **facts):
        super().__init__(sentence % facts)
        self.sentence = sentence
        self.facts = facts


class CaptureLost(Broken):
    """A capture was found dead and begun again at `at` (since 1970): what it would have shown is lost."""

    def __init__(self, pod: str, at: float):
        self.at = at
        super().__init__(
            _("The capture of %(pod)s had stopped. It runs again: repeat the step, then verify."), pod=pod
        )


def passed(sentence: str, evidence: dict, **facts) -> Finding:
    return Finding(Verdict.PASS, in_all_languages(sentence, **facts), evidence)


def failed_as_told(reason: Text, evidence: dict) -> Finding:
    """A failure in the words of the lab's author."""
    return Finding(Verdict.FAIL, reason.as_dict(), evidence, Reason.NOT_SO)


def failed(code: Reason, sentence: str, evidence: dict | None = None, **facts) -> Finding:
    return Finding(Verdict.FAIL, in_all_languages(sentence, **facts), evidence or {}, code)


def undecided(broken: Broken) -> Finding:
    evidence = {"lost": {"at": broken.at, **broken.facts}} if isinstance(broken, CaptureLost) else {}
    return Finding(Verdict.UNDECIDED, in_all_languages(broken.sentence, **broken.facts), evidence)
