"""Capture files made for tests, and a lab of two pods seen through them."""

import io

import dpkt

from k8s_tasks.checks.observing import Observation, Place
from k8s_tasks.checks.packets import read_packets
from k8s_tasks.checks.round import Facts, Round

ANA, CARLA = "10.244.1.2", "10.244.2.2"
PLACES = {
    "ana": Place(ANA, "redes-worker", "172.18.0.3"),
    "carla": Place(CARLA, "redes-worker2", "172.18.0.4"),
    "node:0": Place("172.18.0.2", "redes-control-plane", "172.18.0.2"),
    "node:1": Place("172.18.0.3", "redes-worker", "172.18.0.3"),
    "node:2": Place("172.18.0.4", "redes-worker2", "172.18.0.4"),
}
NONCE = b"redes-k7m2xp\n"
PORT = 9321


def pcap(*packets: dpkt.ip.IP) -> bytes:
    """The packets as tcpdump would write them on an Ethernet link, a millisecond apart."""
    file = io.BytesIO()
    writer = dpkt.pcap.Writer(file, snaplen=600, linktype=dpkt.pcap.DLT_EN10MB)
    for number, packet in enumerate(packets):
        frame = dpkt.ethernet.Ethernet(data=packet, type=dpkt.ethernet.ETH_TYPE_IP)
        writer.writepkt(bytes(frame), ts=number / 1000)
    return file.getvalue()


def echo(source, target, *, seq=1, id=7, ttl=64, reply=False, payload=b"x" * 40):
    inner = dpkt.icmp.ICMP.Echo(id=id, seq=seq, data=payload)
    return _ip(source, target, dpkt.icmp.ICMP(type=0 if reply else 8, data=inner), dpkt.ip.IP_PROTO_ICMP, ttl)


def ping(*, seq=1, ttl=62, payload=b"x" * 40) -> list:
    """Ana's request and Carla's reply."""
    request = echo(ANA, CARLA, seq=seq, payload=payload)
    return [request, echo(CARLA, ANA, seq=seq, ttl=ttl, reply=True, payload=payload)]


def datagram(source, target, sport, dport, payload):
    udp = dpkt.udp.UDP(sport=sport, dport=dport, data=payload)
    udp.ulen = len(udp)
    return _ip(source, target, udp, dpkt.ip.IP_PROTO_UDP, 64)


def unreachable(sender, about, code=3):
    """ICMP's answer to a packet that went nowhere."""
    quoted = dpkt.icmp.ICMP.Unreach(data=bytes(about)[:28])
    message = dpkt.icmp.ICMP(type=3, code=code, data=quoted)
    source = ".".join(map(str, about.src))
    return _ip(sender, source, message, dpkt.ip.IP_PROTO_ICMP, 64)


def segment(source, target, sport, dport, *, flags, seq, ack=0, payload=b""):
    tcp = dpkt.tcp.TCP(sport=sport, dport=dport, flags=flags, seq=seq, ack=ack, data=payload)
    return _ip(source, target, tcp, dpkt.ip.IP_PROTO_TCP, 64)


SYN, ACK, PUSH, FIN = dpkt.tcp.TH_SYN, dpkt.tcp.TH_ACK, dpkt.tcp.TH_PUSH, dpkt.tcp.TH_FIN


def opening(sport=40000, *, client_isn=100, server_isn=900) -> list:
    """SYN, SYN-ACK, ACK."""
    there, back = (ANA, CARLA, sport, PORT), (CARLA, ANA, PORT, sport)
    return [
        segment(*there, flags=SYN, seq=client_isn),
        segment(*back, flags=SYN | ACK, seq=server_isn, ack=client_isn + 1),
        segment(*there, flags=ACK, seq=client_isn + 1, ack=server_isn + 1),
    ]


def line(text=NONCE, sport=40000, *, client_isn=100, server_isn=900, acknowledged=True) -> list:
    """The client's text and the server's acknowledgement."""
    start, end = client_isn + 1, client_isn + 1 + len(text)
    sent = segment(ANA, CARLA, sport, PORT, flags=ACK | PUSH, seq=start, ack=server_isn + 1, payload=text)
    answer = segment(CARLA, ANA, PORT, sport, flags=ACK, seq=server_isn + 1, ack=end)
    return [sent, answer] if acknowledged else [sent]


def stand_in(observation: Observation, **facts) -> Round:
    """A round that looks at canned captures; it can run nothing in pods."""
    known = Facts("session", "lab", **{"values": {}, **facts})
    return Round(None, known, observation.places, {}, _Canned(observation))


class _Canned:
    def __init__(self, observation: Observation):
        self._seen = observation

    async def read(self, pods, *, since):
        broken = {pod: self._seen.broken[pod] for pod in pods if pod in self._seen.broken}
        return {pod: self._seen.packets.get(pod, []) for pod in pods if pod not in broken}, broken


def seen(at_ana=(), at_carla=None, **facts) -> Observation:
    """What an observation of these packets would be; both ends see the same unless said otherwise."""
    near = pcap(*at_ana)
    far = near if at_carla is None else pcap(*at_carla)
    return Observation(PLACES, {"ana": read_packets(near), "carla": read_packets(far)}, **facts)


def _ip(source, target, data, protocol, ttl):
    address = lambda text: bytes(map(int, text.split(".")))  # noqa: E731
    packet = dpkt.ip.IP(src=address(source), dst=address(target), ttl=ttl, p=protocol, data=data)
    packet.len = len(packet)
    return packet
