"""A command's exit code and output. In a pod the student is root: it never stands alone."""

import re

from django.utils.translation import gettext_noop as _

from curriculum.kinds import CommandSettings
from k8s_tasks.checks.finding import Broken, Finding, failed_as_told, passed
from k8s_tasks.checks.round import Round
from k8s_tasks.cluster.execs import Completed

KEPT = 2000  # characters of output in the evidence
NOT_FOUND = (126, 127)  # what a shell says of a command that cannot be run


async def check(settings: CommandSettings, round: Round) -> Finding:
    done = await round.run_in(settings.pod, [round.fill(word) for word in settings.argv])
    return judge(settings, done, pattern=round.fill(settings.matches), place=round.spell(settings.pod))


def judge(settings: CommandSettings, done: Completed, *, pattern: str, place: str) -> Finding:
    if done.exit_code in NOT_FOUND and settings.exit_code not in NOT_FOUND:
        raise Broken(_("The command %(name)s cannot be run in %(pod)s."), name=settings.argv[0], pod=place)
    output = done.stdout.decode(errors="replace")
    evidence = {"exit_code": done.exit_code, "output": output[:KEPT]}
    found = re.search(pattern, output, re.MULTILINE)
    if done.exit_code != settings.exit_code or not found or not _is_within(settings, found):
        return failed_as_told(settings.otherwise, evidence)
    return passed(_("In %(pod)s the command printed what it must."), evidence, pod=place)


def _is_within(settings: CommandSettings, found: re.Match) -> bool:
    if settings.lowest is None and settings.highest is None:
        return True
    try:
        value = float(found[1])
    except (IndexError, TypeError, ValueError):
        return False
    lowest = settings.lowest if settings.lowest is not None else value
    highest = settings.highest if settings.highest is not None else value
    return lowest <= value <= highest
