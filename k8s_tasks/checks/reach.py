"""Reachability: the platform's probe reached the target, was refused, or was blocked on its way."""

import asyncio

from django.utils.translation import gettext_noop as _

from curriculum.enums import Capability
from curriculum.kinds import ReachSettings
from curriculum.reasons import Reason
from k8s_tasks.checks.finding import Broken, Finding, failed, passed
from k8s_tasks.checks.observing import Observation
from k8s_tasks.checks.probing import (
    ANSWERED,
    DEAF,
    MUTE,
    UNSENT,
    Outcome,
    Probe,
    control_of_source,
    control_of_target,
    echo_stages,
    outcome_of,
    probe_all,
    send,
)
from k8s_tasks.checks.round import IN_FORCE_SECONDS, Round, is_node
from k8s_tasks.checks.rulings import UNEXPLAINED, rule_on_all

_WANTED = {
    "reached": Outcome.REACHED,
    "refused": Outcome.REFUSED,
    "dropped": Outcome.DROPPED,
    "blocked": Outcome.DROPPED,
}


async def check(settings: ReachSettings, round: Round) -> Finding:
    if settings.expect == "blocked":
        check_enforced(round)
    probe, outcome, seen = await _try(round, probe_of(settings, round))
    if outcome not in (_WANTED[settings.expect], Outcome.REFUSED):  # a policy may not be in force yet
        await asyncio.sleep(IN_FORCE_SECONDS)
        probe, outcome, seen = await _try(round, probe.again())
    if outcome == Outcome.UNSENT and probe.protocol != "icmp":
        raise Broken(UNSENT, pod=probe.source)  # its control is a ping, which says nothing of this tool
    if outcome not in ANSWERED:
        await check_controls(round, probe, is_listening_needed=_WANTED[settings.expect] == Outcome.DROPPED)
    if outcome == Outcome.DROPPED and settings.expect == "blocked":
        await check_explained(round, probe)
    return judge(settings, probe, outcome, seen)


async def check_explained(round: Round, probe: Probe) -> None:
    """A block must be some policy's doing: a source that lets its own packets die has blocked nothing."""
    ruling = (await rule_on_all(round, [probe])).get(probe)
    if ruling is None or ruling.is_allowed:
        raise Broken(UNEXPLAINED, source=probe.source, target=probe.target)


async def _try(round: Round, probe: Probe) -> tuple[Probe, Outcome, Observation]:
    told = await send(round, [probe])
    seen = await probe_all(round, [probe], told)
    return probe, outcome_of(probe, seen, told[probe]), seen


def probe_of(settings: ReachSettings, round: Round) -> Probe:
    target = round.place(settings.target)
    listens = int(round.fill(settings.port)) if settings.port else 0
    return Probe(
        settings.source,
        settings.target,
        settings.protocol,
        round.fill(settings.address) if settings.address else target.address,
        int(round.fill(settings.via)) if settings.via else listens,
        listens,
    )


def judge(settings: ReachSettings, probe: Probe, outcome: Outcome, seen: Observation) -> Finding:
    evidence = {"mark": probe.mark.decode(), "outcome": outcome.value, **_told(probe, seen)}
    facts = {"source": seen.spell(probe.source), "target": probe.target}
    facts |= {"protocol": probe.protocol, "port": probe.port}
    if outcome == _WANTED[settings.expect]:
        return passed(_RIGHT[probe.protocol == "icmp", outcome], evidence, **facts)
    return failed(_CODES[outcome], _WRONG[outcome], evidence, **facts)


def check_enforced(round: Round) -> None:
    """A blocked path proves a policy only where the cluster was proven to enforce policies."""
    if round.facts.capabilities.get(Capability.NETWORKPOLICY) != "present":
        raise Broken(
            _("This cluster was not proven to enforce NetworkPolicies, so a silence proves nothing.")
        )


async def check_controls(round: Round, probe: Probe, *, is_listening_needed: bool) -> None:
    """A silence means something only if the source can send, and the target would answer a neighbour."""
    controls = [] if is_node(probe.source) else [control_of_source(probe.source, round.place(probe.source))]
    if is_listening_needed and probe.protocol != "icmp":
        target = round.place(probe.target)
        controls.append(control_of_target(node_name(round, target.node), probe, target))
    for control in controls:
        if not await is_answered(round, control):
            raise Broken(MUTE if control.source == control.target else DEAF, pod=control.target)


def node_name(round: Round, node: str) -> str:
    """The place `node:N` of a node by its name. Raises Broken."""
    for name, place in round.places.items():
        if is_node(name) and place.node == node:
            return name
    raise Broken(_("There is no node agent on %(node)s."), node=node)


async def is_answered(round: Round, control: Probe) -> bool:
    told = await send(round, [control])
    if control.source != control.target:
        seen = await probe_all(round, [control], told)
        return outcome_of(control, seen, told[control]) == Outcome.REACHED
    # The node itself answers, and it has no link of its own: both are seen at the pod's.
    seen = await round.look_until([control.source], lambda seen: echo_stages(control, seen)[3] is not None)
    return echo_stages(control, seen)[3] is not None


_RIGHT = {
    (True, Outcome.REACHED): _("The platform's ping went from %(source)s to %(target)s and came back."),
    (True, Outcome.DROPPED): _("The platform's ping left %(source)s and was stopped before %(target)s."),
    (True, Outcome.REFUSED): _("The platform's ping from %(source)s to %(target)s was refused."),
    (False, Outcome.REACHED): _(
        "The platform's probe went from %(source)s to %(target)s, %(protocol)s port %(port)s."
    ),
    (False, Outcome.DROPPED): _(
        "The platform's probe left %(source)s for port %(port)s and was stopped before %(target)s."
    ),
    (False, Outcome.REFUSED): _(
        "The platform's probe from %(source)s to %(target)s, %(protocol)s port %(port)s, was refused."
    ),
}
_CODES = {
    Outcome.REACHED: Reason.REACHED,
    Outcome.REFUSED: Reason.REFUSED,
    Outcome.UNSENT: Reason.NOT_SENT,
    Outcome.DROPPED: Reason.DROPPED,
    Outcome.SILENT: Reason.SILENT,
    Outcome.LOST: Reason.DROPPED,
}
_WRONG = {
    Outcome.REACHED: _("The platform's probe from %(source)s reached %(target)s, and should not have."),
    Outcome.REFUSED: _("%(target)s refused the platform's probe from %(source)s: nobody listens there."),
    Outcome.UNSENT: _("The platform's probe never left %(source)s, though %(source)s reached its own node."),
    Outcome.DROPPED: _("The platform's probe left %(source)s but did not arrive at %(target)s."),
    Outcome.SILENT: _("The platform's probe arrived at %(target)s, which did not answer."),
    Outcome.LOST: _("%(target)s answered, but the answer did not arrive at %(source)s."),
}


def _told(probe: Probe, seen: Observation) -> dict:
    ends = seen.place(probe.source).address, seen.place(probe.target).address
    told = {"probe": f"{ends[0]} > {ends[1]}"}
    if probe.protocol != "icmp" or is_node(probe.source):
        return told
    stages = echo_stages(probe, seen)
    return told | {"stages": [each and {"at": each.at, "ttl": each.ttl, "seq": each.seq} for each in stages]}
