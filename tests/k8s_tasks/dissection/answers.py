"""Stand-ins for tshark: what it would say, and how it would end."""

from k8s_tasks.cluster.execs import Completed


def says(stdout: str | bytes, *, exit_code: int = 0, stderr: bytes = b""):
    """An `ask` that gives this answer, cut as the dissector cuts it; `ask.questions` are the arguments."""
    data = stdout.encode() if isinstance(stdout, str) else stdout

    def ask(arguments, limit, seconds):
        ask.questions.append(list(arguments))
        return Completed(data[:limit], stderr, exit_code)

    ask.questions = []
    return ask


def psml(*packets: dict) -> str:
    """The list as tshark writes it; each packet tells the columns that are not empty."""
    from k8s_tasks.dissection import rows

    names = [*rows._COLUMNS, *rows._FIELDS]
    body = "".join(
        "<packet>" + "".join(f"<section>{each.get(name, '')}</section>" for name in names) + "</packet>"
        for each in packets
    )
    return f'<?xml version="1.0" encoding="utf-8"?><psml version="0">{body}</psml>'


def tcp(
    number: int, source: str, target: str, flags: int, *, ports=(40000, 8080), seq=0, ack=0, length=0, **more
):
    told = {
        "number": str(number),
        "time": f"{number / 10:.6f}",
        "source": source,
        "target": target,
        "protocol": "TCP",
        "length": "54",
        "info": f"{ports[0]} → {ports[1]}",
        "tcp.stream": "0",
        "tcp.srcport": str(ports[0]),
        "tcp.dstport": str(ports[1]),
        "tcp.flags": f"0x{flags:04x}",
        "tcp.seq": str(seq),
        "tcp.ack": str(ack),
        "tcp.len": str(length),
    }
    return told | more
