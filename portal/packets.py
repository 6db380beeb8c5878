"""The capture workshop: the packets of a run as Wireshark shows them, and the way to take them home.

One address, one view: without JavaScript every link leads to the whole page; with it, the part that is asked
for (`HX-Target`) is put in its place. All that is shown of packets is hostile text: templates escape it.
"""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from curriculum.domain import spell_argv
from k8s_tasks.cluster.errors import ClusterError
from k8s_tasks.dissection.conversations import KINDS
from k8s_tasks.dissection.records import NoCapture, Packets
from k8s_tasks.dissection.rows import Mark, Row
from k8s_tasks.dissection.tshark import DissectionError, FilterRefused
from k8s_tasks.domain import captures
from k8s_tasks.enums import OPEN_RUN_STATES
from k8s_tasks.models import Run
from portal import access
from portal.lab_page import find_lab

PAGE = 250  # packets
EXAMPLES = ("tcp", "http", "dns", "icmp", "tcp.flags.syn == 1", "tcp.analysis.retransmission")
PARTS = {part: f"packets.html#{part}" for part in ("listing", "packet", "conversation")}


@dataclass(frozen=True)
class Wish:
    """What the address asks for; numbers that are none count as not given, which is 0. Without a page it is
    the first, and of a capture that goes on the newest."""

    filter: str
    page: int
    packet: int
    follow: str  # kind.stream, where the kind may also be `ladder`

    @classmethod
    def of(cls, query) -> "Wish":
        page, packet = (_number(query.get(name)) for name in ("page", "packet"))
        return cls(query.get("filter", "")[:2000], page, packet, query.get("follow", "")[:40])

    def link(self, **changes) -> str:
        asked = {
            "filter": self.filter,
            "page": self.page,
            "packet": self.packet,
            "follow": self.follow,
        } | changes
        return "?" + urlencode({name: value for name, value in asked.items() if value})


@require_safe
def packets(request, run_id):
    run = run_or_404(request, run_id)
    wish = Wish.of(request.GET)
    try:
        found = captures.packets_of(run)
    except NoCapture:
        return workshop(request, run, wish, {"trouble": _("This run has no packets.")}, status=200)
    except ClusterError as error:
        trouble = _("The packets cannot be fetched from their node right now: %s") % error
        return workshop(request, run, wish, {"trouble": trouble}, status=503)
    asked = request.htmx.target if request.htmx else ""
    part = asked if asked in PARTS else ""
    context, status = context_of(run, found, wish, part)
    if part:
        return render(request, PARTS[part], frame_of(run, wish) | context, status=status)
    return workshop(request, run, wish, context, status=status)


@require_safe
def pcap(request, run_id):
    """The capture as a file, for the reader's own Wireshark."""
    run = run_or_404(request, run_id)
    try:
        found = captures.packets_of(run)
    except NoCapture:
        raise Http404(f"no packets of {run.pk}") from None
    except ClusterError:
        return HttpResponse(status=503)
    if not found.pcap:
        raise Http404(f"no packets of {run.pk} yet")
    response = HttpResponse(found.pcap, content_type="application/vnd.tcpdump.pcap")
    response["Content-Disposition"] = f'attachment; filename="{run.step}-{str(run.pk)[:8]}.pcap"'
    return response


def run_or_404(request, run_id) -> Run:
    """A run that captures packets, of those the reader may see."""
    run = get_object_or_404(access.visible_runs(request.user).select_related("session__cluster"), pk=run_id)
    if not captures.captures_packets(run):
        raise Http404(f"{run.pk} captures no packets")
    return run


def workshop(request, run: Run, wish: Wish, context: dict, *, status: int):
    lab = find_lab(run.session.attempt.lab.slug)
    page = {"lab": lab, "argv_text": spell_argv(run.argv), "examples": EXAMPLES, "marks": list(Mark)}
    return render(request, "packets.html", page | frame_of(run, wish) | context, status=status)


def frame_of(run: Run, wish: Wish) -> dict:
    return {"run": run, "wish": wish, "is_live": run.state in OPEN_RUN_STATES}


def context_of(run: Run, found: Packets, wish: Wish, part: str) -> tuple[dict, int]:
    """What the page or its part shows, and the status it is answered with."""
    context: dict = {"packets": found}
    try:
        if part in ("listing", ""):
            context |= list_context(run, found, wish)
        if wish.packet and part in ("packet", ""):
            context |= packet_context(run, found, wish)
        if wish.follow and part in ("conversation", ""):
            context |= conversation_context(run, found, wish)
    except FilterRefused as refusal:
        return context | {"refusal": str(refusal)}, 422
    except DissectionError as error:
        return context | {"trouble": str(error)}, 503
    return context, 200


def list_context(run: Run, found: Packets, wish: Wish) -> dict:
    rows = captures.list_packets(run, found, wish.filter)
    last = max(1, -(-len(rows) // PAGE))
    page = min(wish.page or (last if run.state in OPEN_RUN_STATES else 1), last)
    first = (page - 1) * PAGE
    shown = rows[first : first + PAGE]
    return {
        "rows": [{"row": row, "link": wish.link(packet=row.number, follow="")} for row in shown],
        "matching": len(rows),
        "first": first + 1,
        "last": first + len(shown),
        "back": wish.link(page=page - 1) if page > 1 else "",
        "on": wish.link(page=page + 1) if page < last else "",
    }


def packet_context(run: Run, found: Packets, wish: Wish) -> dict:
    try:
        tree = captures.packet_tree(run, found, wish.packet)
    except IndexError:
        return {}
    row = next((each for each in captures.list_packets(run, found) if each.number == wish.packet), None)
    return {"tree": tree, "row": row, "follows": follows_of(row, wish)}


def follows_of(row: Row | None, wish: Wish) -> list[dict]:
    """What can be followed from this packet."""
    if row is None or not row.stream:
        return []
    kind, _dot, stream = row.stream.partition(".")
    titles = {
        "ladder": _("Sequence ladder"),
        "tcp": _("Follow the TCP stream"),
        "udp": _("Follow the UDP stream"),
        "http": _("Follow as HTTP"),
    }
    kinds = ["ladder", "tcp"] if kind == "tcp" else ["udp"]
    kinds += ["http"] if row.protocol.startswith("HTTP") and kind == "tcp" else []
    streams = [{"title": titles[each], "link": wish.link(follow=f"{each}.{stream}")} for each in kinds]
    return [
        *streams,
        {
            "title": _("Only this conversation"),
            "link": wish.link(filter=f"{kind}.stream == {stream}", page=0),
        },
    ]


def conversation_context(run: Run, found: Packets, wish: Wish) -> dict:
    kind, _dot, stream = wish.follow.partition(".")
    if not stream.isdecimal() or len(stream) > 6:
        return {}
    if kind == "ladder":
        return {"ladder": captures.ladder(run, found, int(stream)), "ladder_asked": True}
    if kind not in KINDS:
        return {}
    return {"conversation": captures.conversation(run, found, kind, int(stream))}


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 9 else 0
