"""What became of packets sent to a Service: rewritten on their way to a pod, or refused.

The source's link is captured before its node rewrites anything, the target's link after: the same
word, under another address.
"""

from collections.abc import Sequence

from django.utils.translation import gettext_noop as _

from curriculum.kinds import CaptureSettings
from curriculum.reasons import Reason
from k8s_tasks.checks.conversations import Conversation, conversations
from k8s_tasks.checks.finding import Finding, failed, passed
from k8s_tasks.checks.observing import Observation
from k8s_tasks.checks.packets import Unreachable
from k8s_tasks.checks.probing import is_probe_port
from k8s_tasks.checks.round import Round, is_node

Door = tuple[str, int]  # an address of a Service and its port there


async def check(settings: CaptureSettings, round: Round) -> Finding:
    service = await round.get("v1", "Service", name=round.fill(settings.service))
    if service is None:
        return failed(
            Reason.MISSING,
            _("There is no %(kind)s named %(name)s yet."),
            kind="Service",
            name=settings.service,
        )
    nodes = [place.address for name, place in round.places.items() if is_node(name)]
    doors = doors_of(service, settings.door, nodes)
    seen = await round.look([settings.source, settings.target])
    if settings.shows == "unreachable":
        return judge_refused(settings, seen, doors)
    port, payload = int(round.fill(settings.port)), round.fill(settings.payload)
    return judge_rewritten(settings, seen, doors, port=port, payload=payload)


def doors_of(service: dict, kind: str, nodes: Sequence[str]) -> list[Door]:
    """Where a Service can be spoken to: its own address, all nodes' or its load balancer's."""
    spec = service["spec"]
    given = service.get("status", {}).get("loadBalancer", {}).get("ingress") or []
    field, addresses = {
        "cluster-ip": ("port", [spec.get("clusterIP", "")]),
        "node-port": ("nodePort", nodes),
        "load-balancer": ("port", [each.get("ip", "") for each in given]),
    }[kind]
    return [(address, port[field]) for address in addresses for port in spec["ports"] if field in port]


def judge_rewritten(
    settings: CaptureSettings, seen: Observation, doors: Sequence[Door], *, port: int, payload: str
) -> Finding:
    """The word went out to the Service and came in at the pod: by the client's own socket, or by another
    machine's when the source was rewritten too."""
    here, there = seen.place(settings.source).address, seen.place(settings.target).address
    facts = {
        "source": settings.source,
        "target": settings.target,
        "service": settings.service,
        "payload": payload,
    }
    sent = [
        talk
        for address, door in doors
        for talk in conversations(seen.seen_at(settings.source), here, address, door)
        if talk.carries(payload)
    ]
    if not sent:
        return failed(Reason.NOT_CAPTURED, _NOT_SENT[settings.door], **facts)
    clients = {talk.client for talk in sent}
    came = [
        talk
        for talk in conversations(seen.seen_at(settings.target), None, there, port)
        if talk.carries(payload) and (talk.client in clients or talk.client[0] != here)
    ]
    if not came:
        return failed(
            Reason.NOT_ARRIVED,
            _("%(payload)s was sent to the Service %(service)s, but did not come to %(target)s."),
            **facts,
        )
    before, after = sent[-1], came[-1]
    evidence = {"before": _told(before), "after": _told(after)}
    facts |= {"before": before.server[0], "after": after.server[0]}
    return passed(
        _("%(source)s sent %(payload)s to %(before)s, and it came to %(target)s as a packet to %(after)s."),
        evidence,
        **facts,
    )


_NOT_SENT = {
    "cluster-ip": _("%(source)s has not sent %(payload)s to the ClusterIP of the Service %(service)s yet."),
    "node-port": _(
        "%(source)s has not sent %(payload)s to a node, on the port of the Service %(service)s, yet."
    ),
    "load-balancer": _(
        "%(source)s has not sent %(payload)s to the load balancer of the Service %(service)s yet."
    ),
}


def judge_refused(settings: CaptureSettings, seen: Observation, doors: Sequence[Door]) -> Finding:
    """ICMP's "port unreachable" about one of these addresses: a pod where nobody listens, or a Service
    without endpoints, which the node refuses."""
    here = seen.place(settings.source).address
    told = [
        each
        for each in seen.seen_at(settings.source)
        if isinstance(each, Unreachable)
        and each.about[0] == here
        and (each.about[1], each.about[3]) in doors
        and not is_probe_port(each.about[2])
    ]
    target = settings.service or settings.target
    facts = {"source": settings.source, "target": target, "port": doors[0][1] if doors else ""}
    if not told:
        return failed(
            Reason.NOT_CAPTURED,
            _("No ICMP message about port %(port)s of %(target)s has come back yet."),
            **facts,
        )
    evidence = {"from": told[-1].source, "code": told[-1].code, "at": told[-1].at}
    return passed(
        _("ICMP told %(source)s that port %(port)s of %(target)s is unreachable."), evidence, **facts
    )


def receiver_of(targets: Sequence[str], seen: Observation, *, port: int, payload: str) -> str | None:
    """The address of the pod that got the word last; None before any did."""
    came = [
        (talk.from_client[-1].at, seen.place(pod).address)
        for pod in targets
        for talk in conversations(seen.seen_at(pod), None, seen.place(pod).address, port)
        if talk.carries(payload)
    ]
    return max(came)[1] if came else None


def _told(talk: Conversation) -> dict:
    return {"from": list(talk.client), "to": list(talk.server)}
