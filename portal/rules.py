"""The live drawing of kube-proxy's rules: those of the session's own Services, on one node, now."""

from collections.abc import Collection, Sequence

from django.http import Http404, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from k8s_tasks.cluster.errors import ClusterError
from k8s_tasks.cluster.topology import number_nodes
from k8s_tasks.commands import NODES
from k8s_tasks.enums import USABLE_SESSION_STATES
from k8s_tasks.loop import api_of, on_loop
from k8s_tasks.models import LabSession
from k8s_tasks.proxy_rules.drawing import Part, Picture, Spot, pictures
from k8s_tasks.proxy_rules.reading import Look, Mode, look
from k8s_tasks.proxy_rules.rules import DoorKind
from portal import access
from portal.lab_page import lab_or_404

MOST_PICTURES = 8  # a Service with a hundred ports would fill the page
UNAVAILABLE = 503


@require_safe
def rules(request, session_id):
    """JSON for the drawing. `?node=` is a node as labs name it; without it, the lab's choice."""
    session = get_object_or_404(access.visible_sessions(request.user), pk=session_id)
    lab = lab_or_404(session.attempt.lab.slug)
    if lab.rules is None:
        return JsonResponse({"trouble": _("This lab draws no rules.")})
    nodes = number_nodes(session.bindings.get("nodes", []))
    place = request.GET.get("node") or NODES[lab.rules.node]
    if session.state not in USABLE_SESSION_STATES:
        return JsonResponse({"trouble": _("The rules are read while the lab is ready.")})
    if place not in nodes:
        raise Http404(f"no node {place} in {session.namespace}")
    node = nodes[place]["name"]
    try:
        seen = on_loop(_look(session, node))
    except (ClusterError, TimeoutError) as error:
        trouble = _("The rules of %(node)s cannot be read right now: %(why)s")
        return JsonResponse({"trouble": trouble % {"node": node, "why": error}}, status=UNAVAILABLE)
    told = told_of(seen, session, lab.rules.services)
    named = [{"place": key, "name": each["name"]} for key, each in nodes.items()]
    return JsonResponse({"node": node, "place": place, "nodes": named, **told})


async def _look(session: LabSession, node: str) -> Look:
    return await look(await api_of(session.cluster.kubeconfig_path), node, session.namespaces)


def told_of(seen: Look, session: LabSession, only: Collection[str]) -> dict:
    """What the script draws; `without` are Services for which the node has no rule at all."""
    pods = {each["address"]: each["name"] for each in session.bindings.get("pods", []) if each["address"]}
    drawn = [each for each in pictures(seen.rules, pods) if not only or _name(each.service) in only]
    return {
        "mode": seen.mode,
        "counts": counting(seen.mode),
        "services": [_told(each, session.namespace) for each in drawn[:MOST_PICTURES]],
        "more": max(0, len(drawn) - MOST_PICTURES),
        "without": [] if seen.mode == Mode.OTHER else services_without(seen, only),
    }


def services_without(seen: Look, only: Collection[str]) -> list[str]:
    ruled = {_name(door.service) for door in seen.rules.doors}
    names = [service["metadata"]["name"] for service in seen.services]
    return [name for name in names if name not in ruled and (not only or name in only)]


def _name(service: str) -> str:
    return service.partition("/")[2].partition(":")[0]


def counting(mode: Mode) -> str:
    """What the numbers are, as a sentence."""
    return {
        Mode.IPTABLES: _(
            "Counted are the connections that went by each rule since it was written: "
            "only their first packet passes here. "
            "Where a Service is entered, on the left, the count begins anew when any Service changes."
        ),
        Mode.NFTABLES: _(
            "These rules carry no counters: counted are the connections that conntrack still remembers."
        ),
        Mode.OTHER: _(
            "kube-proxy works by neither iptables nor nftables on this node: there are no chains to draw."
        ),
    }[mode]


def _told(picture: Picture, home: str) -> dict:
    return {
        "name": picture.service.removeprefix(f"{home}/"),
        "spots": [_told_spot(spot, _count_leads(picture, spot)) for spot in picture.spots],
        "lines": [
            {
                "from": line.source,
                "to": line.target,
                "counted": line.counted,
                "probability": line.probability,
            }
            for line in picture.lines
        ],
    }


def _count_leads(picture: Picture, spot: Spot) -> int:
    return sum(line.source == spot.id for line in picture.lines)


def _told_spot(spot: Spot, leads: int) -> dict:
    title, short, note = words_of(spot, leads)
    return {
        "id": spot.id,
        "part": spot.part,
        "title": title,
        "short": short,
        "note": note,
        "rules": list(spot.rules),
        "counted": spot.counted,
    }


def words_of(spot: Spot, leads: int) -> Sequence[str]:
    """Its name, the same short enough for a box, and what it does."""
    if spot.door:
        door = spot.door
        address = door.address or _("any address of the node")
        return f"{address}:{door.port}", f"{door.address or '*'}:{door.port}", _DOORS[door.kind]()
    if spot.part == Part.REFUSAL or spot.chain is None:
        return spot.id, spot.id, _("refused") if spot.id == "REJECT" else _("dropped")
    name = spot.chain.name
    if spot.part == Part.ENDPOINT:
        note = " ".join(filter(None, (spot.pod, spot.chain.endpoint)))
    elif spot.part == Part.OUTSIDE:
        note = _("from outside, SNAT") if spot.chain.marks else _("from outside")
    elif leads:
        note = _("draws among %d") % leads
    else:
        note = _("leads nowhere")
    return name, _short(name), note


def _short(name: str) -> str:
    """`KUBE-SVC-3X6K…`, `service-3X6K…`: the kind of chain, and as much of its hash as tells it apart."""
    kind, _dash, rest = name.removeprefix("KUBE-").partition("-")
    start = "KUBE-" if name.startswith("KUBE-") else ""
    return f"{start}{kind}-{rest[:4]}…"


_DOORS = {
    DoorKind.CLUSTER_IP: lambda: _("cluster IP"),
    DoorKind.EXTERNAL_IP: lambda: _("external IP"),
    DoorKind.LOAD_BALANCER: lambda: _("load balancer"),
    DoorKind.NODE_PORT: lambda: _("node port"),
}
