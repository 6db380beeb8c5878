"""Many numbered requests or datagrams, and where they arrived.

Each carries a fresh mark and its number. They are counted in the captures on the links of those
that may receive them, so nobody passes by printing; the way they took is read at the source.
"""

import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_noop as _

from curriculum.kinds import LossSettings, SampledSettings
from k8s_tasks.checks.finding import Broken
from k8s_tasks.checks.observing import MARK, Observation
from k8s_tasks.checks.packets import Datagram, Packet, Segment
from k8s_tasks.checks.round import Round, is_node

MOST_SECONDS = 60
DATAGRAM_SECONDS = 5.0  # until the last of them is in the capture
END = 0
_CANNOT_RUN = (2, 126, 127)  # what curl and shells say when nothing was sent at all
_NOBODY = (6, 7, 28)  # curl found no such name, nobody who answers, or only silence
# One write is one datagram, and one line where a student's program prints it. What the kernel did not take is
# counted: it never was on the wire. Number 0 is sent so often that one arrives: what has not been captured
# before it was lost.
_DATAGRAMS = """exec 3<>"/dev/udp/$1/$2" || exit 126
failed=0
for n in $(seq "$3"); do printf '%s-%s.\\n' "$4" "$n" >&3 2>/dev/null || failed=$((failed + 1)); done
for copy in $(seq 25); do printf '%s-0.\\n' "$4" >&3 2>/dev/null; done
echo "$failed"
"""
# curl reads what it is to get line by line.
_KEYS = """seq "$3" "$4" "$5" | sed "s|.*|url = \\"$1/&?$2-&.\\"\\noutput = /dev/null|" | "${@:6}" -K -"""
# A message as gRPC frames it: not compressed, its length in four bytes, and a StringValue of protobuf. For a
# connection each, curl is told a name of its own for each, and to connect to the same address for all.
_CALLS = r"""folder=$(mktemp -d) || exit 126
trap 'rm -rf "$folder"' EXIT
for number in $(seq 0 "$2"); do
    word=$3-$number.
    printf -v size %02x "${#word}"; printf -v whole %02x "$((${#word} + 2))"
    printf "\x00\x00\x00\x00\x$whole\x0a\x$size%s" "$word" >"$folder/$number"
done
"${@:5}" --data-binary "@$folder/0" "$4" || exit
all=()
for number in $(seq "$2"); do
    address=$4
    [ "$1" = kept ] || address=${4/\/\//\/\/$number.}
    all+=(${all:+--next} "${@:6}" --data-binary "@$folder/$number" "$address")
done
"$5" "${all[@]}"
case $? in 16 | 52 | 55 | 56 | 92) exit 92 ;; esac
exit 0
"""
_BROKE_OFF = 92  # the first call was answered, and later the connection broke: curl's codes above
_TRIES = 3  # a balancer that takes up anybody's new configuration may end connections; not thrice in a row
_METHOD = "/redes.Echo/Say"


@dataclass(frozen=True)
class Arrivals:
    """`by_pod` holds the numbers that arrived at each pod; `asked` is how many were ordered."""

    asked: int
    by_pod: dict[str, set[int]]

    @property
    def counts(self) -> dict[str, int]:
        return {pod: len(numbers) for pod, numbers in self.by_pod.items()}

    @property
    def arrived(self) -> int:
        return len(set().union(*self.by_pod.values()))

    def server_of(self) -> dict[int, str]:
        return {number: pod for pod, numbers in self.by_pod.items() for number in numbers}


async def send_requests(
    round: Round,
    settings: SampledSettings,
    *,
    samples: int,
    keep_open: bool,
    as_keys: bool = False,
    backwards: bool = False,
    cookies: bool = False,
) -> Arrivals:
    """Numbered requests, one after the other: over a connection each, or over one that is kept. Where
    nobody answers the one before them, they are not sent: hundreds of time-outs would tell no more.

    With cookies the client brings back, from the second request on, what it was given with the first.
    As keys, request n has the path /n whatever the mark of this time, and the last may be sent first; else
    every path is new.
    """
    to = f"{round.fill(settings.address)}:{round.fill(settings.port)}"
    host = round.fill(settings.host)
    for _try in range(_TRIES):
        mark = new_mark()
        if settings.protocol == "http":
            keys = (samples, -1, 1) if backwards else (1, 1, samples)
            facts = {"host": host, "keep_open": keep_open, "cookies": cookies}
            commands = _curl(to, mark, samples, keys=keys if as_keys else None, **facts)
        else:
            tls = settings.protocol == "grpcs"
            commands = _grpc(to, mark, samples, host=host, keep_open=keep_open, tls=tls)
        code = await _run(round, settings.source, commands)
        if code in _NOBODY:
            return Arrivals(samples, {pod: set() for pod in settings.targets})
        if code != _BROKE_OFF:
            break

    def arrivals(seen: Observation) -> Arrivals:
        return arrivals_in(seen, mark, samples, settings.targets)

    ends = [settings.source, *settings.targets]
    seen = await round.look_until(ends, lambda seen: arrivals(seen).arrived == samples)
    _refuse_shortcuts(seen, mark, settings)
    return arrivals(seen)


async def _run(round: Round, source: str, commands: Sequence[list[str]]) -> int:
    """The exit code of one that found nobody or whose connection broke off, else 0. Raises Broken."""
    for number, command in enumerate(commands):
        code = (await round.run_in(source, command, seconds=MOST_SECONDS)).exit_code
        if code in _CANNOT_RUN:
            sentence = _("The command %(name)s cannot be run in %(pod)s.")
            raise Broken(sentence, name=_program_of(command), pod=source)
        if code == _BROKE_OFF or (number == 0 and code in _NOBODY):
            return code
    return 0


def _program_of(command: list[str]) -> str:
    """What the command cannot do without, whatever shell is around it."""
    return "redes-grpc" if command[0] == "redes-grpc" else "curl"


def _curl(
    to: str,
    mark: str,
    samples: int,
    *,
    host: str,
    keep_open: bool,
    keys: tuple[int, int, int] | None,
    cookies: bool,
) -> list[list[str]]:
    """The request before the numbered ones, and those; `keys` are the first, the step and the last."""
    base, curl = f"http://{to}", ["curl", "-s", "--max-time", "2"]
    curl += [] if keep_open else ["-H", "Connection: close"]
    curl += ["-H", f"Host: {host}"] if host else []
    curl += ["--cookie", ""] if cookies else []
    plain = [*curl, "-o", "/dev/null"]
    all_of_them = ["bash", "-c", _KEYS, "keys", base, mark, *map(str, keys or ()), *curl]
    if not keys:
        all_of_them = [*plain, f"{base}/{mark}-[1-{samples}]."]
    return [[*plain, f"{base}/{mark}-{END}."], all_of_them]


def _grpc(to: str, mark: str, samples: int, *, host: str, keep_open: bool, tls: bool) -> list[list[str]]:
    """A call is a POST over HTTP/2, and curl makes a hundred for less than gRPC's own client takes to start.
    But Debian 12's loses a plain HTTP/2 connection that it uses again."""
    if keep_open and not tls:
        named = ["--authority", host] if host else []
        return [["redes-grpc", "call", to, mark, str(samples), "--quiet", *named]]
    # One call that fails decides: the others would only take their time.
    curl = ["curl", "-s", "--max-time", "5", "-o", "/dev/null", "--fail", "--fail-early"]
    curl += ["-H", "content-type: application/grpc", "-H", "te: trailers"]
    curl += ["--http2", "--insecure"] if tls else ["--http2-prior-knowledge"]
    curl += ["--connect-to", f"::{to}"]
    name = f"{host}:{to.rpartition(':')[2]}" if host else to
    url = f"{'https' if tls else 'http'}://{name}{_METHOD}"
    return [["bash", "-c", _CALLS, "calls", "kept" if keep_open else "apart", str(samples), mark, url, *curl]]


async def send_datagrams(round: Round, settings: LossSettings) -> tuple[Arrivals, int]:
    """Datagrams numbered from 1, and how many of them the source's own kernel did not take."""
    mark, address, port = new_mark(), round.place(settings.target).address, round.fill(settings.port)
    argv = ["bash", "-c", _DATAGRAMS, "send", address, port, str(settings.samples), mark]
    done = await round.run_in(settings.source, argv, seconds=MOST_SECONDS)
    if done.exit_code:
        raise Broken(_("The command %(name)s cannot be run in %(pod)s."), name="bash", pod=settings.source)

    def arrivals(seen: Observation) -> Arrivals:
        return arrivals_in(seen, mark, settings.samples, [settings.target])

    there = round.place(settings.target).address
    seen = await round.look_until(
        [settings.source, settings.target],
        lambda seen: END in numbers_to(seen.seen_at(settings.target), mark, there),
        seconds=DATAGRAM_SECONDS,
    )
    return arrivals(seen), int(done.stdout.split()[-1])


def new_mark() -> str:
    return MARK.decode() + secrets.token_hex(6)


def arrivals_in(seen: Observation, mark: str, asked: int, targets: Sequence[str]) -> Arrivals:
    """A number that came to two pods counts for the later one: curl first tries a connection that the
    server is just closing, and sends the request again over a new one."""
    last: dict[int, tuple[float, str]] = {}
    for pod in targets:
        came = numbers_to(seen.seen_at(pod), mark, seen.place(pod).address)
        for number, at in came.items():
            last[number] = max(last.get(number, (0.0, "")), (at, pod))
    by_pod = {pod: {number for number, (_, its) in last.items() if its == pod} - {END} for pod in targets}
    return Arrivals(asked, by_pod)


def numbers_to(packets: Iterable[Packet], mark: str, address: str) -> dict[int, float]:
    """The numbers sent to an address, and when each was last seen."""
    return _numbers((each for each in packets if each.target == address), mark)


def _numbers(packets: Iterable[Packet], mark: str) -> dict[int, float]:
    pattern = re.compile(rb"%s-(\d+)\." % mark.encode())
    carrying = (each for each in packets if isinstance(each, Segment | Datagram))
    return {int(found[1]): each.at for each in carrying for found in pattern.finditer(each.payload)}


def _refuse_shortcuts(seen: Observation, mark: str, settings: SampledSettings) -> None:
    """Requests that went to a replica's own address say nothing of what stands before it: a tool in
    the source pod is the student's to replace."""
    if is_node(settings.source):
        return
    replicas = {seen.place(pod).address for pod in settings.targets}
    direct = (each for each in seen.seen_at(settings.source) if each.target in replicas)
    if _numbers(direct, mark):
        raise Broken(
            _("The requests from %(source)s went to the replicas themselves."), source=settings.source
        )
