"""A worker's part of a session: make it on the cluster, and clear it away."""

import dataclasses
import logging

from django.utils import timezone
from django.utils.translation import gettext as _

from curriculum.course import get_course
from curriculum.domain import substitute
from curriculum.enums import Capability, Right
from curriculum.kinds import DnsSettings
from curriculum.parameters import draw_parameters, pods_asked
from curriculum.specs import CARD, WORLD, LabSpec
from k8s_tasks.cluster.background import Talker
from k8s_tasks.cluster.errors import ClusterError
from k8s_tasks.cluster.labs import LabPlan, clear_lab, prepare_lab
from k8s_tasks.cluster.namespaces import PORTAL_LABEL, SESSION_LABEL, balancer_rights, extra_namespace
from k8s_tasks.cluster.proxy import restore_proxy
from k8s_tasks.domain.capabilities import capability_of
from k8s_tasks.domain.clusters import portal_id
from k8s_tasks.domain.sessions import set_session_state
from k8s_tasks.domain.spares import give_up_spare, offer_spare
from k8s_tasks.domain.whole_clusters import adopt_measurements
from k8s_tasks.enums import LIVE_SESSION_STATES, SessionState
from k8s_tasks.loop import api_of, on_loop
from k8s_tasks.models import Cluster, LabSession, SpareSession
from k8s_tasks.speech import speaking_to
from k8s_tasks.streams import publish_notice

logger = logging.getLogger(__name__)
NODE_PORTS = "30000-32767"  # which of them, the cluster decides


def prepare_session(session_id: str) -> None:
    """Make the session's namespace and pods; twice is no harm, and one that was ended is left alone."""
    session = LabSession.objects.select_related("cluster", "attempt__lab", "attempt__student").get(
        pk=session_id
    )
    if session.state != SessionState.PREPARING:
        return
    with speaking_to(session.attempt.student):
        try:
            uid, bindings = on_loop(_prepare(session.cluster, plan_for(session)))
        except ClusterError as error:
            set_session_state(session, SessionState.FAILED, message=str(error))
        except Exception:
            logger.exception("session %s could not be prepared", session_id)
            set_session_state(session, SessionState.FAILED, message=_("The platform failed to prepare it."))
        else:
            if session.cluster.slot is not None:
                adopt_measurements(session.cluster, uid)
            _open(session, uid, bindings)


def prepare_spare(spare_id: str) -> None:
    """As `prepare_session`, for one that nobody has yet; one that was thrown away is cleared."""
    spare = SpareSession.objects.select_related("cluster", "lab").filter(pk=spare_id, is_ready=False).first()
    lab = get_course().lab(spare.lab.slug) if spare else None
    if lab is None or lab.version != spare.lab_version:
        return  # the watcher throws it away
    parameters = draw_parameters(lab, spare.seed)
    plan = _plan(lab, parameters, session_id=str(spare.pk), namespace=spare.namespace)
    try:
        uid, bindings = on_loop(_prepare(spare.cluster, plan))
    except ClusterError as error:
        give_up_spare(spare, str(error))
    except Exception as error:
        logger.exception("the spare session %s could not be prepared", spare_id)
        give_up_spare(spare, repr(error))
    else:
        if not offer_spare(spare, uid=uid, bindings=_with_ingress(spare.cluster, bindings)):
            clear_spare(spare.pk, namespace=spare.namespace, cluster=spare.cluster_id)


def _with_ingress(cluster: Cluster, bindings: dict) -> dict:
    return {**bindings, "ingress": capability_of(cluster, Capability.INGRESS).get("address", "")}


def _open(session: LabSession, uid: str, bindings: dict) -> None:
    bindings = _with_ingress(session.cluster, bindings)
    facts = {"bindings": bindings, "cluster_uid": uid, "ready_at": timezone.now()}
    if set_session_state(session, SessionState.READY, only_from=(SessionState.PREPARING,), **facts):
        publish_notice(session.pk, "topology", bindings)
    else:
        clear_session(session.pk)  # it was ended while we made it


async def _prepare(cluster: Cluster, plan: LabPlan) -> tuple[str, dict]:
    api = await api_of(cluster.kubeconfig_path)
    return await api.uid(), await prepare_lab(api, plan)


def plan_for(session: LabSession) -> LabPlan:
    lab = get_course().lab(session.attempt.lab.slug)
    return _plan(lab, session.attempt.parameters, session_id=str(session.pk), namespace=session.namespace)


def _plan(lab: LabSpec, parameters: dict, *, session_id: str, namespace: str) -> LabPlan:
    asked = {text: pods_asked(text, [pod.name for pod in lab.pods]) for text in lab.manifests}
    return LabPlan(
        session_id=session_id,
        namespace=namespace,
        labels=session_labels(session_id),
        pods={pod.name: pod.node for pod in lab.pods},
        namespaces={key: extra_namespace(namespace, key) for key in lab.all_namespaces},
        homes={pod.name: pod.namespace for pod in lab.pods if pod.namespace},
        talkers=tuple(Talker(**dataclasses.asdict(traffic)) for traffic in lab.background),
        world=extra_namespace(namespace, WORLD),
        manifests=tuple(text for text, pods in asked.items() if not pods),
        addressed=tuple(text for text, pods in asked.items() if pods),
        asked=frozenset().union(*asked.values()),
        card=lab.deck.get(parameters.get(CARD)),
        card_objects=lab.card_objects.get(parameters.get(CARD), ""),
        granted=tuple(balancer_rights(namespace)) if Right.BALANCER in lab.rights else (),
        render=lambda text, values: substitute(text, {**parameters, **values}),
        capture_filter=capture_filter(lab, parameters),
        wants_door=Capability.TCP_LISTENER in lab.requires,
        watches_links=any(proof.looks_at_links for condition in lab.conditions for proof in condition.leaves),
    )


def session_labels(session_id: str) -> dict[str, str]:
    """On everything that is a session's."""
    return {SESSION_LABEL: session_id, PORTAL_LABEL: portal_id()}


def capture_filter(lab: LabSpec, parameters: dict) -> list[str]:
    """What the lab's conditions look at; a flood of anything else must not push it out."""
    leaves = [leaf.parsed for condition in lab.conditions for leaf in condition.leaves]
    named = {getattr(leaf, name, "") for leaf in leaves for name in ("port", "listens", "via")}
    ports = {substitute(port, parameters) for port in named if port}
    if any(isinstance(leaf, DnsSettings) or getattr(leaf, "equals", "") == "names-asked" for leaf in leaves):
        ports.add("53")
    words = [word for port in sorted(ports) for word in ("or", "port", port)]
    if any(getattr(leaf, "door", "") == "node-port" for leaf in leaves):
        words += ["or", "portrange", NODE_PORTS]
    return ["icmp", *words]


def clear_session(session_id) -> None:
    """Give the namespace of an ended session back; the watcher tries again what fails here, and clears that
    of a session that was erased meanwhile."""
    session = LabSession.objects.select_related("cluster").filter(pk=session_id).first()
    if (
        session is None
        or session.state in LIVE_SESSION_STATES
        or session.cluster is None
        or session.cluster.slot is not None
    ):
        return
    try:
        on_loop(_clear(session))
    except ClusterError as error:
        logger.warning("namespace %s could not be cleared: %s", session.namespace, error)


def clear_spare(spare_id, *, namespace: str, cluster: int) -> None:
    """Give back what a session had that nobody has taken."""
    place = Cluster.objects.filter(pk=cluster).first()
    if place is None or LabSession.objects.filter(pk=spare_id).exists():
        return
    try:
        on_loop(_clear_spare(place, str(spare_id), namespace))
    except ClusterError as error:
        logger.warning("namespace %s could not be cleared: %s", namespace, error)


async def _clear_spare(cluster: Cluster, spare_id: str, namespace: str) -> None:
    await clear_lab(await api_of(cluster.kubeconfig_path), spare_id, namespace)


async def _clear(session: LabSession) -> None:
    api = await api_of(session.cluster.kubeconfig_path)
    try:
        await clear_lab(api, str(session.pk), session.namespace)
    finally:
        if session.is_exclusive:
            await restore_proxy(api)
