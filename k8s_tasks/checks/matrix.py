"""Who reaches whom: every pair probed by packets in parallel, beside what the NetworkPolicies say.

What must pass is the author's word, never computed from the student's policies. A pair that must be
blocked counts only when its packet was seen to leave the source and not to arrive, while the source
reached its own node and the target answered its own: neither may be forbidden by a policy.
"""

import asyncio
from dataclasses import dataclass

from django.utils.translation import gettext_noop as _

from curriculum.enums import Verdict
from curriculum.kinds import MatrixSettings
from curriculum.reasons import Reason
from k8s_tasks.checks.finding import Broken, Finding
from k8s_tasks.checks.observing import Observation
from k8s_tasks.checks.policies import Ruling
from k8s_tasks.checks.probing import (
    ANSWERED,
    DEAF,
    MUTE,
    UNSENT,
    Outcome,
    Probe,
    control_of_source,
    control_of_target,
    outcome_of,
    send,
)
from k8s_tasks.checks.reach import check_enforced, is_answered, node_name
from k8s_tasks.checks.round import IN_FORCE_SECONDS, Round
from k8s_tasks.checks.rulings import UNEXPLAINED, rule_on_all
from k8s_tasks.cluster.execs import Completed
from k8s_tasks.speech import in_all_languages

SHOWN = 3  # wrong pairs in the reason; the evidence has all
_WANTED = {True: Outcome.REACHED, False: Outcome.DROPPED}


@dataclass(frozen=True)
class Cell:
    """One pair. `trouble` says why its outcome cannot be taken for the policies' doing."""

    probe: Probe
    must_pass: bool
    outcome: Outcome
    ruling: Ruling
    trouble: Broken | None = None

    @property
    def verdict(self) -> Verdict:
        if self.outcome in ANSWERED:
            is_right = self.must_pass and self.outcome == Outcome.REACHED
            return Verdict.PASS if is_right else Verdict.FAIL
        if self.why_unclear():
            return Verdict.UNDECIDED
        return Verdict.FAIL if self.must_pass else Verdict.PASS

    def why_unclear(self) -> Broken | None:
        """Why a silence decides nothing, or None: a block is a packet that left and did not arrive."""
        if self.trouble or self.outcome in ANSWERED:
            return self.trouble
        if self.outcome == Outcome.UNSENT:
            return Broken(UNSENT, pod=self.probe.source)
        if self.must_pass:
            return None
        ends = {"source": self.probe.source, "target": self.probe.target}
        if self.outcome != Outcome.DROPPED:
            return Broken(_HALFWAY, **ends)
        return Broken(UNEXPLAINED, **ends) if self.ruling.is_allowed else None

    @property
    def differs(self) -> bool:
        """The packets did what the policies do not say."""
        return self.ruling.is_allowed != (self.outcome == Outcome.REACHED)

    def told(self) -> dict:
        told = {"wanted": self.must_pass, "wire": self.outcome.value, "verdict": self.verdict.value}
        sentence, facts = self.ruling.why()
        spec = {"allowed": self.ruling.is_allowed, "why": in_all_languages(sentence, **facts)}
        return told | {"spec": spec, "differs": self.differs}


async def check(settings: MatrixSettings, round: Round) -> Finding:
    probes = probes_of(settings, round)
    if any(not must_pass(settings, probe) for probe in probes):
        check_enforced(round)
    cells = await _probe(settings, round, probes)
    doubtful = [cell for cell in cells if cell.differs or cell.outcome == Outcome.UNSENT]
    if doubtful:
        if any(cell.differs for cell in doubtful):
            await asyncio.sleep(IN_FORCE_SECONDS)
        cells += await _probe(settings, round, [cell.probe.again() for cell in doubtful])
    return judge(list({cell.probe.ends: cell for cell in cells}.values()))


async def _probe(settings: MatrixSettings, round: Round, probes: list[Probe]) -> list[Cell]:
    controls = Controls(round)
    expected_silent = [probe for probe in probes if not must_pass(settings, probe)]
    told, _asked = await asyncio.gather(send_in_parallel(round, probes), controls.ask(expected_silent))

    def is_settled(seen: Observation) -> bool:
        return all(_is_as_wanted(settings, probe, seen, told[probe]) for probe in probes)

    seen, rulings = await asyncio.gather(
        round.look_until([*settings.sources, *settings.targets], is_settled), rule_on_all(round, probes)
    )
    outcomes = {probe: outcome_of(probe, seen, told[probe]) for probe in probes}
    silent = [probe for probe, outcome in outcomes.items() if outcome not in ANSWERED]
    await controls.ask(silent)
    troubles = {probe: controls.trouble(probe) for probe in silent}
    return [
        Cell(probe, must_pass(settings, probe), outcome, ruling_of(rulings, probe), troubles.get(probe))
        for probe, outcome in outcomes.items()
    ]


def ruling_of(rulings: dict[Probe, Ruling], probe: Probe) -> Ruling:
    if probe not in rulings:
        raise Broken(_("The pod %(pod)s is not running; reset the session."), pod=probe.target)
    return rulings[probe]


def probes_of(settings: MatrixSettings, round: Round) -> list[Probe]:
    port = int(round.fill(settings.port))
    return [
        Probe(source, target, settings.protocol, round.place(target).address, port, port)
        for source in settings.sources
        for target in settings.targets
        if source != target
    ]


def must_pass(settings: MatrixSettings, probe: Probe) -> bool:
    return probe.target in settings.allowed.get(probe.source, ())


async def send_in_parallel(round: Round, probes: list[Probe]) -> dict[Probe, Completed]:
    """One command per source, all sources at once."""
    by_source: dict[str, list[Probe]] = {}
    for probe in probes:
        by_source.setdefault(probe.source, []).append(probe)
    sent = await asyncio.gather(*(send(round, group) for group in by_source.values()))
    return {probe: done for each in sent for probe, done in each.items()}


def _is_as_wanted(settings: MatrixSettings, probe: Probe, seen: Observation, done: Completed) -> bool:
    try:
        return outcome_of(probe, seen, done) == _WANTED[must_pass(settings, probe)]
    except Broken:
        return True  # no waiting mends a capture


class Controls:
    """Whether the silence of a pair means anything: its source is heard by its own node, and its target
    answers its own. Each end is asked once."""

    def __init__(self, round: Round):
        self._round = round
        self._sources: dict[str, bool] = {}
        self._targets: dict[str, bool] = {}

    async def ask(self, probes: list[Probe]) -> None:
        sources = {probe.source: self._of_source(probe.source) for probe in probes}
        targets = {probe.target: self._of_target(probe) for probe in probes}
        await asyncio.gather(self._answer(self._sources, sources), self._answer(self._targets, targets))

    def trouble(self, probe: Probe) -> Broken | None:
        if not self._sources[probe.source]:
            return Broken(MUTE, pod=probe.source)
        return None if self._targets[probe.target] else Broken(DEAF, pod=probe.target)

    async def _answer(self, known: dict[str, bool], controls: dict[str, Probe]) -> None:
        new = {pod: control for pod, control in controls.items() if pod not in known}
        answers = await asyncio.gather(*(is_answered(self._round, control) for control in new.values()))
        known.update(zip(new, answers, strict=True))

    def _of_source(self, source: str) -> Probe:
        return control_of_source(source, self._round.place(source))

    def _of_target(self, probe: Probe) -> Probe:
        target = self._round.place(probe.target)
        return control_of_target(node_name(self._round, target.node), probe, target)


def judge(cells: list[Cell]) -> Finding:
    evidence = {"matrix": {}}
    for cell in cells:
        evidence["matrix"].setdefault(cell.probe.source, {})[cell.probe.target] = cell.told()
    wrong = [cell for cell in cells if cell.verdict == Verdict.FAIL]
    unclear = [cell for cell in cells if cell.verdict == Verdict.UNDECIDED]
    if wrong:
        reason = _joined([_wrong(cell) for cell in wrong[:SHOWN]], len(wrong), len(cells))
        return Finding(Verdict.FAIL, reason, evidence, _code_of(wrong))
    if unclear:
        trouble = unclear[0].why_unclear()
        return Finding(Verdict.UNDECIDED, in_all_languages(trouble.sentence, **trouble.facts), evidence)
    passing = sum(cell.must_pass for cell in cells)
    facts = {"n": len(cells), "passing": passing, "blocked": len(cells) - passing}
    reason = in_all_languages(
        _("All %(n)s pairs are as they must be: %(passing)s pass and %(blocked)s are blocked."), **facts
    )
    return Finding(Verdict.PASS, reason, evidence)


def _code_of(wrong: list[Cell]) -> Reason:
    """A pair that leaks is told first: it is what a policy is for."""
    codes = [_CODES.get(cell.outcome, Reason.DROPPED) for cell in wrong]
    return Reason.REACHED if Reason.REACHED in codes else codes[0]


_CODES = {Outcome.REACHED: Reason.REACHED, Outcome.REFUSED: Reason.REFUSED}


def _wrong(cell: Cell) -> dict[str, str]:
    sentence, facts = cell.ruling.why()
    told = {
        "source": cell.probe.source,
        "target": cell.probe.target,
        "protocol": cell.probe.protocol,
        "port": cell.probe.port,
        "why": in_all_languages(sentence, **facts),
    }
    if cell.outcome == Outcome.REACHED:
        return in_all_languages(_UNFORCED if cell.differs else _REACHED, **told)
    if cell.outcome == Outcome.REFUSED:
        return in_all_languages(_REFUSED, **told)
    return in_all_languages(_DIFFERS if cell.differs else _BLOCKED, **told)


def _joined(reasons: list[dict[str, str]], wrong: int, n: int) -> dict[str, str]:
    head = in_all_languages(_("%(wrong)s of %(n)s pairs are not as they must be."), wrong=wrong, n=n)
    return {language: " ".join([head[language], *(each[language] for each in reasons)]) for language in head}


_REACHED = _("%(source)s reached %(target)s on %(protocol)s port %(port)s, and must be blocked; %(why)s.")
_BLOCKED = _("%(source)s must reach %(target)s on %(protocol)s port %(port)s, and did not; %(why)s.")
_REFUSED = _("%(target)s refused %(source)s on %(protocol)s port %(port)s: nobody listens there.")
_DIFFERS = _("%(source)s must reach %(target)s on %(protocol)s port %(port)s, and did not, though %(why)s.")
_HALFWAY = _(
    "The probe from %(source)s came to %(target)s, which did not answer: that is no block, and no passage."
)
_UNFORCED = _(
    "%(source)s reached %(target)s on %(protocol)s port %(port)s, and must be blocked, though %(why)s."
)
