"""For health checks: `beats.py streams|verify|watcher` ends well while Redis holds that service's beat.

It asks by a socket alone: to import Redis' client takes half a second of processor, three times every fifteen
seconds, for as long as the containers run, and longer than a check may last where the machine is busy.
"""

import os
import socket
import sys
from urllib.parse import unquote, urlsplit

SECONDS = 3


def main(service: str) -> int | str:
    where = urlsplit(os.environ["REDIS_URL"])
    try:
        with connection(where) as redis, redis.makefile("rb") as answers:
            for command in (*greeting(where), f"EXISTS service:{service}:beat"):
                redis.sendall(f"{command}\r\n".encode())
                answer = answers.readline().strip().decode()
                if not answer or answer.startswith("-"):
                    return f"Redis refuses: {answer or 'no answer'}"
    except OSError as error:
        return f"Redis does not answer: {error}"
    return 0 if answer == ":1" else f"{service} gives no sign of life"


def connection(where) -> socket.socket:
    if where.scheme != "unix":
        return socket.create_connection((where.hostname, where.port or 6379), SECONDS)
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(SECONDS)
    made.connect(where.path)
    return made


def greeting(where) -> list[str]:
    number = where.path.strip("/") if where.scheme != "unix" else ""
    names = [unquote(word) for word in (where.username, where.password) if word]
    return [f"AUTH {' '.join(names)}"] * bool(names) + [f"SELECT {number}"] * bool(number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
