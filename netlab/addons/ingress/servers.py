"""Virtual servers and their locations in nginx' words."""

from dataclasses import dataclass, field

from .settings import Read
from .upstreams import Upstream, block

_GRPC_ERRORS = (400, 401, 403, 404, 405, 408, 414, 426, 500, 501, 502, 503, 504)


@dataclass
class Location:
    path: str  # as nginx wants it, with its modifier
    plain_path: str
    upstream: Upstream
    settings: Read
    service: str
    minion: str = ""  # namespace/name of the Ingress that brought it, when that is not the server's
    password_file: str = ""
    limit_zone: str = ""

    def lines(self) -> list[str]:
        grpc = self.service in self.settings["grpc-services"]
        lines = [f'set $service "{self.service}";']
        if self.minion:
            namespace, _, name = self.minion.partition("/")
            lines += [
                f"# location for minion {self.minion}",
                f'set $resource_name "{name}";',
                f'set $resource_namespace "{namespace}";',
            ]
        lines += [
            *self._rewrite(grpc),
            *_snippet(self.settings["location-snippets"]),
            *auth_lines(self.settings, self.password_file),
            *(self._grpc() if grpc else self._proxy()),
            *self._limit(),
        ]
        return block(f"location {self.path}", lines)

    @property
    def _secure(self) -> str:
        return "s" if self.service in self.settings["ssl-services"] else ""

    @property
    def _replacement(self) -> str:
        return self.settings["rewrites"].get(self.service, "")

    def _rewrite(self, grpc: bool) -> list[str]:
        if target := self.settings["rewrite-target"]:
            flag = "(?i)" if self.settings["path-regex"] == "case_insensitive" else ""
            return [f'rewrite "{flag}^{self.plain_path}" {target} break;']
        if self._replacement and (
            self.upstream.cookie or grpc
        ):  # proxy_pass with a variable replaces nothing
            return [f'rewrite "^{self.plain_path}(.*)$" {self._replacement}$1 break;']
        return []

    def _timeouts(self, kind: str) -> list[str]:
        return [
            f"{kind}_{one}_timeout {self.settings[f'proxy-{one}-timeout']};"
            for one in ("connect", "read", "send")
        ]

    def _headers(self, kind: str) -> list[str]:
        scheme = "https" if self.settings["redirect-to-https"] else "$scheme"
        values = [
            ("Host", "$host"),
            ("X-Real-IP", "$remote_addr"),
            ("X-Forwarded-For", "$proxy_add_x_forwarded_for"),
            ("X-Forwarded-Host", "$host"),
            ("X-Forwarded-Port", "$server_port"),
            ("X-Forwarded-Proto", scheme),
        ]
        own = [f'{kind}_set_header {name} "{value}";' for name, value in self.settings["proxy-set-headers"]]
        return [*own, *(f"{kind}_set_header {name} {value};" for name, value in values)]

    def _grpc(self) -> list[str]:
        return [
            *(f"error_page {code} @grpcerror{code};" for code in _GRPC_ERRORS),
            *self._timeouts("grpc"),
            *self._headers("grpc"),
            f"grpc_pass grpc{self._secure}://{self.upstream.target};",
            *self._cookie(),
        ]

    def _proxy(self) -> list[str]:
        settings = self.settings
        optional = (
            ("client_body_buffer_size", "client-body-buffer-size"),
            ("proxy_buffers", "proxy-buffers"),
            ("proxy_buffer_size", "proxy-buffer-size"),
            ("proxy_busy_buffers_size", "proxy-busy-buffers-size"),
            ("proxy_max_temp_file_size", "proxy-max-temp-file-size"),
        )
        replacement = "" if self.upstream.cookie or settings["rewrite-target"] else self._replacement
        return [
            "proxy_http_version 1.1;",
            *self._connection(),
            *self._timeouts("proxy"),
            f"client_max_body_size {settings['client-max-body-size']};",
            *self._headers("proxy"),
            f"proxy_buffering {'on' if settings['proxy-buffering'] else 'off'};",
            *(f"{directive} {settings[key]};" for directive, key in optional if settings[key]),
            f"proxy_pass http{self._secure}://{self.upstream.target}{replacement};",
            *self._cookie(),
        ]

    def _connection(self) -> list[str]:
        if self.service in self.settings["websocket-services"]:
            return [
                "proxy_set_header Upgrade $http_upgrade;",
                "proxy_set_header Connection $connection_upgrade;",
            ]
        return ['proxy_set_header Connection "";'] if self.settings["keepalive"] else []

    def _cookie(self) -> list[str]:
        return [f"add_header Set-Cookie {self.upstream.set_cookie} always;"] if self.upstream.cookie else []

    def _limit(self) -> list[str]:
        settings = self.settings
        if not self.limit_zone:
            return []
        words = [f"zone={self.limit_zone}"]
        if settings["limit-req-burst"]:
            words.append(f"burst={settings['limit-req-burst']}")
        if settings["limit-req-no-delay"]:
            words.append("nodelay")
        elif settings["limit-req-delay"]:
            words.append(f"delay={settings['limit-req-delay']}")
        return [
            f"limit_req {' '.join(words)};",
            *(["limit_req_dry_run on;"] if settings["limit-req-dry-run"] else []),
            f"limit_req_log_level {settings['limit-req-log-level']};",
            f"limit_req_status {settings['limit-req-reject-code']};",
        ]


def _snippet(text: str) -> list[str]:
    return text.strip().splitlines()


def auth_lines(settings: Read, password_file: str) -> list[str]:
    if not settings["basic-auth-secret"]:
        return []
    realm = settings["basic-auth-realm"]
    # Without its secret nobody gets in: nginx answers 403 where the file does not exist.
    return [f'auth_basic "{realm}";', f"auth_basic_user_file {password_file};"]


@dataclass
class Server:
    host: str
    settings: Read
    owner: tuple[str, str]
    tls: bool = False
    certificate: str = ""  # a file with certificate and key; without one, handshakes are refused
    password_file: str = ""
    locations: list[Location] = field(default_factory=list)

    def lines(self) -> list[str]:
        settings, (namespace, name) = self.settings, self.owner
        lines = [
            *self._listen(),
            *(self._tls() if self.tls else []),
            *real_ip_lines(settings),
            f'server_tokens "{settings["server-tokens"]}";',
            f"server_name {self.host};",
            'set $resource_type "ingress";',
            f'set $resource_name "{name}";',
            f'set $resource_namespace "{namespace}";',
            'set $service "-";',
            *(f"proxy_hide_header {one};" for one in settings["proxy-hide-headers"]),
            *(f"proxy_pass_header {one};" for one in settings["proxy-pass-headers"]),
            *self._redirects(),
            *auth_lines(settings, self.password_file),
            *_snippet(settings["server-snippets"]),
        ]
        if settings["app-root"]:
            lines += block("if ($uri = /)", [f"return 302 $scheme://$http_host{settings['app-root']};"])
        for location in self.locations:
            lines += location.lines()
        return block("server", lines + self._grpc_errors())

    def _listen(self) -> list[str]:
        proxy = " proxy_protocol" if self.settings["proxy-protocol"] else ""
        lines = [f"listen {port}{proxy};" for port in self.settings["listen-ports"]]
        if self.tls:
            http2 = " http2" if self.settings["http2"] else ""
            lines += [f"listen {port} ssl{http2}{proxy};" for port in self.settings["listen-ports-ssl"]]
        return lines

    def _tls(self) -> list[str]:
        if not self.certificate:
            return ["ssl_reject_handshake on;"]
        settings = self.settings
        return [
            f"ssl_certificate {self.certificate};",
            f"ssl_certificate_key {self.certificate};",
            *([f"ssl_ciphers {settings['ssl-ciphers']};"] if settings["ssl-ciphers"] else []),
            *(["ssl_prefer_server_ciphers on;"] if settings["ssl-prefer-server-ciphers"] else []),
        ]

    def _redirects(self) -> list[str]:
        settings, lines = self.settings, []
        code = settings["http-redirect-code"]
        if self.tls and settings["hsts"]:
            subdomains = "includeSubDomains; " if settings["hsts-include-subdomains"] else ""
            value = f'"max-age={settings["hsts-max-age"]}; {subdomains}preload"'
            lines += ['set $hsts_header_val "";', "proxy_hide_header Strict-Transport-Security;"]
            lines += block("if ($https = on)", [f"set $hsts_header_val {value};"])
            lines += ['add_header Strict-Transport-Security "$hsts_header_val" always;']
        if self.tls and settings["ssl-redirect"]:
            port = settings["listen-ports-ssl"][0]
            lines += block("if ($scheme = http)", [f"return {code} https://$host:{port}$request_uri;"])
        if settings["redirect-to-https"]:
            lines += block(
                "if ($http_x_forwarded_proto = 'http')", [f"return {code} https://$host$request_uri;"]
            )
        return lines

    def _grpc_errors(self) -> list[str]:
        if not any(location.service in location.settings["grpc-services"] for location in self.locations):
            return []
        return [
            f'location @grpcerror{code} {{ default_type application/grpc; return {code} "\\n"; }}'
            for code in _GRPC_ERRORS
        ]


def real_ip_lines(settings: Read) -> list[str]:
    return [
        *(f"set_real_ip_from {network};" for network in settings["set-real-ip-from"]),
        *([f"real_ip_header {settings['real-ip-header']};"] if settings["real-ip-header"] else []),
        *(["real_ip_recursive on;"] if settings["real-ip-recursive"] else []),
    ]
