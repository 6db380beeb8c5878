"""A worker's part of a verification: look, judge, keep every verdict at once."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from opentelemetry import trace

from curriculum import queries as work
from curriculum.course import get_course
from curriculum.domain import keep_skipped, store_pass
from curriculum.enums import Verdict
from curriculum.kinds import NODE_PLACE, Proof, TlsSettings
from curriculum.specs import Condition, LabSpec
from k8s_tasks import queries
from k8s_tasks.checks import judge_condition
from k8s_tasks.checks.finding import Broken, Finding, undecided
from k8s_tasks.checks.observing import Place
from k8s_tasks.checks.round import Captures, Facts, Round, is_node
from k8s_tasks.cluster.agent import agents_for
from k8s_tasks.cluster.api import Api
from k8s_tasks.cluster.errors import ClusterError
from k8s_tasks.cluster.objects import list_nodes, list_pods
from k8s_tasks.cluster.topology import node_place, number_nodes, pod_facts
from k8s_tasks.domain.capabilities import measured, surely_lacking
from k8s_tasks.domain.runs import set_run_state
from k8s_tasks.drive import keep_beating
from k8s_tasks.enums import OPEN_RUN_STATES, RunState
from k8s_tasks.loop import api_of, loop_redis, on_loop, submit
from k8s_tasks.models import ConditionResult, LabSession, Run
from k8s_tasks.preparing import capture_filter
from k8s_tasks.pump import COMMAND_TICK, Publisher
from k8s_tasks.redis_keys import redis_client, run_beat
from k8s_tasks.signing import signed
from k8s_tasks.speech import speaking_to
from k8s_tasks.streams import publish_notice

logger = logging.getLogger(__name__)
tracer = trace.get_tracer("redes")


def verify(run_id: str) -> None:
    """Judge every condition of the run's lab. Safe to run twice: the second time replaces the first.

    One that another worker is at is left to it; the broker gives back what a dead one had long after its
    last beat."""
    run = Run.objects.select_related(
        "session__cluster", "session__attempt__lab", "session__attempt__student", "requested_by"
    ).get(pk=run_id)
    if not set_run_state(run, RunState.STARTING) and not _was_left(run):
        return
    beating = submit(_beat(run))
    try:
        with speaking_to(run.requested_by):
            set_run_state(run, RunState.RUNNING)
            _verify(run)
    except Exception:
        logger.exception("verification %s broke", run_id)
        set_run_state(run, RunState.FAILED, reason=_("The platform failed to verify."))
    finally:
        beating.cancel()


def _was_left(run: Run) -> bool:
    """Somebody took it and does not beat any more."""
    return run.state in OPEN_RUN_STATES and not redis_client().exists(run_beat(run.pk))


async def _beat(run: Run) -> None:
    await keep_beating(loop_redis(), run.pk)


def _verify(run: Run) -> None:
    lab = get_course().lab(run.session.attempt.lab.slug)
    findings = find(run.session, lab, open_conditions(run.session, lab))
    keep(run, findings)
    on_loop(_tell(run, findings))
    publish_notice(run.session_id, "verdicts", {"run": str(run.pk)})
    set_run_state(run, RunState.SUCCEEDED)


def find(session: LabSession, lab: LabSpec, conditions: list[Condition]) -> dict[str, Finding]:
    """A finding for each condition; all are undecided when the cluster cannot be looked at."""
    try:
        return on_loop(judge_all(session.cluster.kubeconfig_path, conditions, facts_of(session, lab)))
    except ClusterError as error:
        broken = Broken(gettext_noop("The cluster could not be looked at: %(why)s"), why=error)
        return {condition.key: undecided(broken) for condition in conditions}


def open_conditions(session: LabSession, lab: LabSpec) -> list[Condition]:
    """Those that are not proven yet: a proof stays, whatever is done afterwards. What the cluster lacks
    the means for is skipped, and that is kept too."""
    proven = set(session.attempt.passes.values_list("condition", flat=True))
    whys = {each.key: surely_lacking(session.cluster, each.needs) for each in lab.conditions}
    skipped = {key: why for key, why in whys.items() if why and key not in proven}
    keep_skipped(session.attempt, lab, skipped)
    return [each for each in lab.conditions if each.key not in proven and each.key not in skipped]


def facts_of(session: LabSession, lab: LabSpec) -> Facts:
    return Facts(
        session_id=session.pk,
        namespace=session.namespace,
        values=queries.step_values(session),
        namespaces=session.bindings.get("namespaces", {}),
        homes={pod: session.namespace_of(pod) for pod in lab.all_pods},
        answers=work.answers(session.attempt),
        filter_words=capture_filter(lab, session.attempt.parameters),
        spans=queries.run_spans(session),
        earlier={key: result.evidence for key, result in queries.latest_results(session.attempt).items()},
        capabilities=measured(session.cluster),
    )


async def judge_all(kubeconfig: str, conditions: list[Condition], facts: Facts) -> dict[str, Finding]:
    round = await begin_round(await api_of(kubeconfig), conditions, facts)
    rounds = [(condition, replace(round, about=condition.key)) for condition in conditions]
    findings = await asyncio.gather(*(_judge(condition, its) for condition, its in rounds))
    return {condition.key: finding for condition, finding in zip(conditions, findings, strict=True)}


async def _judge(condition: Condition, round: Round) -> Finding:
    with tracer.start_as_current_span("condition", attributes={"redes.condition": condition.key}) as span:
        finding = await judge_condition(condition, round)
        span.set_attribute("redes.verdict", finding.verdict)
        return finding


async def begin_round(api: Api, conditions: Sequence[Proof], facts: Facts) -> Round:
    namespaces = [facts.namespace, *facts.namespaces.values()]
    listed = await asyncio.gather(*(list_pods(api, namespace=each) for each in namespaces))
    pods = [pod for found, _version in listed for pod in found]
    places = places_of(pods, await list_nodes(api), homes=facts.homes)
    asked = nodes_named(conditions)
    named = [place for name, place in places.items() if not is_node(name) or name in asked]
    agents = await agents_for(api, {place.node for place in named if place.node})
    captures = Captures(facts.session_id, places, agents, facts.filter_words, facts.homes)
    return Round(api, facts, places, agents, captures)


def nodes_named(conditions: Sequence[Proof]) -> set[str]:
    """The nodes, as places, that conditions speak from."""
    settings = [leaf.parsed for condition in conditions for leaf in condition.leaves]
    named = {getattr(each, "source", "") for each in settings} | {
        getattr(each, "pod", "") for each in settings
    }
    on_nodes = {f"{NODE_PLACE}{each.node}" for each in settings if isinstance(each, TlsSettings)}
    return {place for place in named if is_node(place)} | on_nodes


def places_of(
    pods: list[dict], nodes: list[dict], *, homes: Mapping[str, str] | None = None
) -> dict[str, Place]:
    """Pods by name, as they are now and not as they were prepared: a student may have replaced one;
    and the nodes as `node:0` for the control plane, `node:1`, ... for the workers. A pod that has the
    name of one of the lab's in another namespace than its home is not taken for it."""
    numbered = number_nodes(nodes)
    addresses = {node["name"]: node["address"] for node in numbered.values()}
    on_nodes = {
        node_place(name): Place(node["address"], node["name"], node["address"])
        for name, node in numbered.items()
    }
    return on_nodes | {
        facts["name"]: Place(
            facts["address"], facts["node"], addresses.get(facts["node"], ""), facts["namespace"]
        )
        for facts in map(pod_facts, pods)
        if (homes or {}).get(facts["name"], facts["namespace"]) == facts["namespace"]
    }


def keep(run: Run, findings: dict[str, Finding]) -> None:
    """Every result, and every pass with its evidence, whatever comes after. Who else had typed by now is
    asked after the looking: a key pressed meanwhile counts."""
    attempt = run.session.attempt
    is_helped = queries.helped_since(attempt) is not None
    results = [
        ConditionResult(
            run=run,
            attempt=attempt,
            condition=key,
            verdict=finding.verdict,
            reason=finding.reason,
            code=finding.code or "",
            evidence=finding.evidence,
            **signed(run.session, key, finding),
        )
        for key, finding in findings.items()
    ]
    with transaction.atomic():
        run.results.all().delete()
        ConditionResult.objects.bulk_create(results)
        for key, finding in findings.items():
            if finding.verdict == Verdict.PASS:
                evidence = {**finding.evidence, "cluster": run.session.cluster_uid}
                store_pass(attempt, key, finding.reason, evidence, is_helped=is_helped)


async def _tell(run: Run, findings: dict[str, Finding]) -> None:
    publisher = Publisher(loop_redis(), run.pk, tick=COMMAND_TICK, began=run.created_at.timestamp())
    for key, finding in findings.items():
        await publisher.event("verdict", condition=key, verdict=finding.verdict, reason=finding.reason)
