"""/etc/nginx/nginx.conf, with the server that answers where no Ingress does."""

from .servers import real_ip_lines
from .settings import Read
from .upstreams import NO_SERVER, block

VERSION_SOCKET = "/var/lib/nginx/nginx-config-version.sock"
_LOG_FORMAT = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" '
    '"$http_user_agent" "$http_x_forwarded_for"'
)
_STREAM_FORMAT = (
    "$remote_addr [$time_local] $protocol $status $bytes_sent $bytes_received "
    '$session_time "$ssl_preread_server_name"'
)


def nginx_conf(main: Read, certificate: str) -> list[str]:
    shutdown = main["worker-shutdown-timeout"]
    return [
        "user nobody nogroup;",
        f"worker_processes {main['worker-processes']};",
        *([f"worker_shutdown_timeout {shutdown};"] if shutdown else []),
        "daemon off;",
        f"error_log stderr {main['error-log-level']};",
        "pid /var/lib/nginx/nginx.pid;",
        "load_module /usr/lib/nginx/modules/ngx_stream_module.so;",
        *main["main-snippets"].splitlines(),
        *block("events", [f"worker_connections {main['worker-connections']};"]),
        *block("http", _http(main, certificate)),
        *block("stream", _stream(main)),
    ]


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", " ") + "'"


def _http(main: Read, certificate: str) -> list[str]:
    protocols, ciphers = main["ssl-protocols"], main["ssl-ciphers"]
    return [
        "include /etc/nginx/mime.types;",
        "default_type application/octet-stream;",
        f"log_format main {_quoted(main['log-format'] or _LOG_FORMAT)};",
        "access_log off;" if main["access-log-off"] else "access_log /dev/stdout main;",
        "sendfile on;",
        f"keepalive_timeout {main['keepalive-timeout']};",
        f"keepalive_requests {main['keepalive-requests']};",
        *(
            f"{key.replace('-', '_')} {main[key]};"
            for key in main.values
            if "hash-" in key and key.endswith("-size")
        ),
        *block("map $http_upgrade $connection_upgrade", ["default upgrade;", "'' close;"]),
        *(
            line
            for name in ("resource_type", "resource_name", "resource_namespace", "service")
            for line in block(f"map $http_host ${name}", ['default "";'])
        ),
        *([f"ssl_protocols {protocols};"] if protocols else []),
        *([f'ssl_ciphers "{ciphers}";'] if ciphers else []),
        *main["http-snippets"].splitlines(),
        *block("server", _default_server(main, certificate)),
        *block(
            "server",
            ["listen 127.0.0.1:8080;", "access_log off;", *block("location /stub_status", ["stub_status;"])],
        ),
        *block("server", [f"listen {NO_SERVER};", "access_log off;", "return 502;"]),
        "include /etc/nginx/config-version.conf;",
        "include /etc/nginx/conf.d/*.conf;",
    ]


def _default_server(main: Read, certificate: str) -> list[str]:
    proxy = " proxy_protocol" if main["proxy-protocol"] else ""
    http2 = " http2" if main["http2"] else ""
    keys = [f"ssl_certificate {certificate};", f"ssl_certificate_key {certificate};"]
    return [
        f"listen 80 default_server{proxy};",
        f"listen 443 ssl{http2} default_server{proxy};",
        *(keys if certificate else ["ssl_reject_handshake on;"]),
        *real_ip_lines(main),
        "server_name _;",
        f'server_tokens "{main["server-tokens"]}";',
        *block("location /", ["return 404;"]),
    ]


def _stream(main: Read) -> list[str]:
    return [
        f"log_format stream-main {_quoted(main['stream-log-format'] or _STREAM_FORMAT)};",
        "access_log /dev/stdout stream-main;",
        *main["stream-snippets"].splitlines(),
        "include /etc/nginx/stream-conf.d/*.conf;",
    ]


def config_version(number: int) -> str:
    """A server that tells which configuration the workers run: how a reload is known to be over."""
    lines = [f"listen unix:{VERSION_SOCKET};", "access_log off;", f'return 200 "{number}";']
    return "\n".join(block("server", lines)) + "\n"
