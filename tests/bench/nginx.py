"""Debian's nginx in front of several web processes, out of the image that netlab has for its ingress
controller: nobody has to install anything, and an ordinary user can start it."""

import signal
import subprocess
from pathlib import Path

from deploy.local.lifeline import die_with_parent
from netlab import images
from netlab.images import rootfs

CONFIG = """
user root;
worker_processes 1;
daemon off;
pid /tmp/nginx.pid;
error_log stderr warn;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    map $http_upgrade $connection_upgrade {{ default upgrade; "" ""; }}
    upstream portal {{
        {servers}
    }}
    server {{
        listen 127.0.0.1:{port};
        client_max_body_size 20m;
        location / {{
            proxy_pass http://portal;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_connect_timeout 2s;
            proxy_read_timeout 75s;
        }}
    }}
}}
"""


def start_nginx(folder: Path, images_dir: Path, *, port: int, behind: list[int]) -> subprocess.Popen:
    """It listens on the loopback interface; who does not answer is left alone for two seconds."""
    image = next(each for each in images.CATALOG if each.name == "nginx-ingress")
    # Not by tarfile: Debian 12's Python has no `filter` for it yet.
    archive = str(rootfs.archive(images_dir, image))
    subprocess.run(["tar", "--extract", "--no-same-owner", "--file", archive], cwd=folder, check=True)
    servers = "".join(f"server 127.0.0.1:{each} max_fails=1 fail_timeout=2s;" for each in behind)
    (folder / "nginx.conf").write_text(CONFIG.format(servers=servers, port=port))
    command = ["unshare", "--map-root-user", f"--root={folder}", "--wd=/", "/usr/sbin/nginx"]
    with (folder / "nginx.log").open("wb") as log:
        return subprocess.Popen(
            [*command, "-c", "/nginx.conf"], stderr=log, preexec_fn=lambda: die_with_parent(signal.SIGKILL)
        )
