"""Which address a Service gets out of which pool. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from netlab.api.selectors import matches
from netlab.store import full_name


class NoAddress(Exception):
    """A Service gets no address; the message is its event's."""


@dataclass(frozen=True)
class Pool:
    name: str
    ranges: tuple[tuple[int, int], ...]
    spec: dict

    def __contains__(self, address: str) -> bool:
        number = int(IPv4Address(address))
        return any(first <= number <= last for first, last in self.ranges) and not self._is_buggy(number)

    def __len__(self) -> int:
        return sum(1 for _ in self.addresses())

    def addresses(self) -> Iterator[str]:
        for first, last in self.ranges:
            yield from (str(IPv4Address(n)) for n in range(first, last + 1) if not self._is_buggy(n))

    def _is_buggy(self, number: int) -> bool:
        """Some clients take .0 and .255 for addresses of networks and broadcasts."""
        return bool(self.spec.get("avoidBuggyIPs")) and number % 256 in (0, 255)

    def serves(self, service: dict, namespace_labels: dict) -> bool:
        wanted = self.spec.get("serviceAllocation") or {}
        spaces, by_label = wanted.get("namespaces") or [], wanted.get("namespaceSelectors") or []
        inside = service["metadata"]["namespace"] in spaces
        labelled = any(matches(one, namespace_labels) for one in by_label)
        labels = service["metadata"].get("labels") or {}
        chosen = wanted.get("serviceSelectors") or []
        fits = not chosen or any(matches(one, labels) for one in chosen)
        return fits and (inside or labelled or not (spaces or by_label))


def pool(obj: dict) -> Pool:
    """Raises ValueError for addresses that are none."""
    ranges = tuple(_range(text) for text in obj["spec"].get("addresses") or [])
    return Pool(obj["metadata"]["name"], ranges, obj["spec"])


def _range(text: str) -> tuple[int, int]:
    if "/" in text:
        network = IPv4Network(text.strip())
        return int(network.network_address), int(network.broadcast_address)
    first, _, last = text.partition("-")
    numbers = int(IPv4Address(first.strip())), int(IPv4Address(last.strip()))
    if numbers[0] > numbers[1]:
        raise ValueError(f"invalid IP range {text!r}: start IP is after end IP")
    return numbers


def choose(service: dict, pools: list[Pool], used: dict[str, str], labels: dict, now: str) -> tuple[str, str]:
    """The address and its pool; `now` is kept where it fits. `used` is address -> Service, of the others.

    Raises NoAddress.
    """
    asked = _asked(service)
    candidates = _candidates(service, pools, labels, any_pool=bool(asked))
    if asked:
        home = next((one for one in candidates if asked in one), None)
        if home is None:
            raise NoAddress(f'["{asked}"] is not allowed in config')
        if asked in used:
            raise NoAddress(f'"{asked}" is also in use by {used[asked]}')
        return asked, home.name
    for one in candidates:
        if now and now in one and now not in used:
            return now, one.name
    for one in candidates:
        free = next((address for address in one.addresses() if address not in used), None)
        if free:
            return free, one.name
    raise NoAddress("no available IPs")


def _asked(service: dict) -> str:
    written = (service["metadata"].get("annotations") or {}).get("metallb.io/loadBalancerIPs")
    asked = written or service["spec"].get("loadBalancerIP") or ""
    try:
        return str(IPv4Address(asked.strip())) if asked else ""
    except ValueError:
        raise NoAddress(f'invalid IPv4 address "{asked}"') from None


def _candidates(service: dict, pools: list[Pool], labels: dict, *, any_pool: bool) -> list[Pool]:
    name = (service["metadata"].get("annotations") or {}).get("metallb.io/address-pool")
    if name:
        named = [one for one in pools if one.name == name]
        if not named:
            raise NoAddress(f'unknown pool "{name}"')
        if not named[0].serves(service, labels):
            raise NoAddress(f"pool {name} not compatible for ip assignment of {full_name(service)}")
        return named
    fitting = [one for one in pools if one.serves(service, labels)]
    if not any_pool:
        fitting = [one for one in fitting if one.spec.get("autoAssign", True)]
    return sorted(fitting, key=_rank)


def _rank(one: Pool) -> tuple[float, str]:
    """The lowest priority first; none, or 0, is the last."""
    return (one.spec.get("serviceAllocation") or {}).get("priority") or float("inf"), one.name
