"""Groups of servers in nginx' words, and sticky cookies.

nginx 1.22 has no `sticky` directive (it came to the open source edition with 1.29.6). Here each server has a
second group in which it is the first and all others are its backups. A map leads a request whose cookie names
a server to that server's group, every other request to the group with the chosen method; another map makes
the Set-Cookie of the answer, the MD5 of the server's address and port, unless the client brought just that.
Such pinned requests are not counted by `least_conn` of the main group.
"""

from dataclasses import dataclass
from hashlib import md5

from .settings import Cookie, Read

NO_SERVER = "unix:/var/lib/nginx/nginx-502-server.sock"


def block(head: str, lines: list[str]) -> list[str]:
    return [f"{head} {{", *(f"\t{line}" for line in lines), "}"]


@dataclass
class Upstream:
    name: str
    servers: list[str]
    settings: Read
    cookie: Cookie | None = None

    @property
    def target(self) -> str:
        """What proxy_pass names."""
        return self._variable("to") if self.cookie else self.name

    @property
    def set_cookie(self) -> str:
        return self._variable("set")

    def _variable(self, purpose: str) -> str:
        return f"$sticky_{purpose}_{_digest(self.name)[:16]}"

    def lines(self) -> list[str]:
        settings = self.settings
        method = settings["lb-method"]
        lines = [
            *_zone(self.name, settings["upstream-zone-size"]),
            *([f"{method};"] if method else []),
            *(self._server(address) for address in self.servers or [NO_SERVER]),
            *([f"keepalive {settings['keepalive']};"] if settings["keepalive"] else []),
        ]
        return [*block(f"upstream {self.name}", lines), *(self._sticky() if self.cookie else [])]

    def _server(self, address: str, more: str = "") -> str:
        settings = self.settings
        fails = f"max_fails={settings['max-fails']} fail_timeout={settings['fail-timeout']}"
        return f"server {address} {fails} max_conns={settings['max-conns']}{more};"

    def _sticky(self) -> list[str]:
        lines, pins, marks = [], [f"default {self.name};"], ["default -;"]
        for address in self.servers:
            pinned = f"{self.name}-{_digest(address)}"
            others = [self._server(other, " backup") for other in self.servers if other != address]
            lines += block(f"upstream {pinned}", [*_zone(pinned, "64k"), self._server(address), *others])
            pins.append(f"{_digest(address)} {pinned};")
            marks.append(f'"~(^|[, ]){address.replace(".", "[.]")}$" {_digest(address)};')
        name, mark = self.cookie.name, self._variable("mark")
        new = f'"{name}={mark}{self.cookie.attributes}"'
        return [
            *lines,
            *block(f"map $cookie_{name} {self.target}", pins),
            *block(f"map $upstream_addr {mark}", marks),
            # Empty, and so not sent, when the client's cookie names the server that answered, or none did.
            *block(
                f'map "$cookie_{name} {mark}" {self.set_cookie}',
                [f"default {new};", r'"~^(\w+) \1$" "";', '"~ -$" "";'],
            ),
        ]


def _zone(name: str, size: str) -> list[str]:
    return [] if size == "0" else [f"zone {name} {size};"]


def _digest(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()
