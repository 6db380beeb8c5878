"""One finding per condition."""

from curriculum.enums import ConditionKind
from curriculum.specs import Condition
from k8s_tasks.checks import answer, capture, reach
from k8s_tasks.checks.finding import Broken, Finding, undecided
from k8s_tasks.checks.observing import Observation

_CHECKS = {
    ConditionKind.REACH: reach.check,
    ConditionKind.CAPTURE: capture.check,
    ConditionKind.ANSWER: answer.check,
}


def judge(condition: Condition, seen: Observation, *, values: dict, answers: dict) -> Finding:
    """Undecided where the observation broke."""
    try:
        return _CHECKS[condition.kind](condition.settings, seen, values=values, answers=answers)
    except Broken as broken:
        return undecided(broken)


def what_to_observe(conditions: tuple[Condition, ...]) -> tuple[set[str], list[tuple[str, str]]]:
    """The pods whose captures are needed, and the (source, target) to probe."""
    ends = [(each.settings["source"], each.settings["target"]) for each in conditions]
    probed = [pair for each, pair in zip(conditions, ends, strict=True) if each.kind == ConditionKind.REACH]
    return {pod for pair in ends for pod in pair}, probed
