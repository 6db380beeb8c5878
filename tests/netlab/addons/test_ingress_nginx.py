"""The controller's plans under a real nginx, in the image's own root and a network without a cluster."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from netlab.images import named, rootfs

pytestmark = pytest.mark.integration

_PROJECT = Path(__file__).parents[3]
_ENTER = """
set -e
mount --rbind /dev "$1/dev"
mount -t proc proc "$1/proc"
mount --bind "$2" "$1/mnt"
ip link set lo up
root=$1; shift 2
exec chroot "$root" /usr/bin/env PYTHONPATH=/mnt PYTHONDONTWRITEBYTECODE=1 \
    /usr/bin/python3 -m tests.netlab.addons.nginx_trials "$@"
"""


@pytest.fixture(scope="session")
def image(images, tmp_path_factory):
    """The image, unpacked."""
    root = tmp_path_factory.mktemp("nginx-ingress")
    archive = rootfs.archive(_PROJECT / "var/images", named("nginx-ingress"))
    subprocess.run(["tar", "-xf", archive, "-C", root, "--no-same-owner"], check=True)
    for folder in ("dev", "proc", "mnt"):
        (root / folder).mkdir(exist_ok=True)
    return root


@pytest.fixture
def trial(image):
    """Run one function of `nginx_trials` in the image, in namespaces that end with it."""

    def run(name: str, *arguments: str):
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        spaces = ["unshare", *user, "--net", "--mount", "--pid", "--fork", "--kill-child"]
        done = subprocess.run(
            [*spaces, "sh", "-c", _ENTER, "sh", str(image), str(_PROJECT), name, *arguments],
            capture_output=True,
            text=True,
            timeout=60,
        )
        results = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
        assert results, done.stdout[-2000:] + done.stderr[-3000:]
        return json.loads(results[0].removeprefix("RESULT "))

    return run


def test_round_robin_gives_each_the_same_over_all_workers(trial):
    assert trial("round_robin") == {"127.0.1.1": 10, "127.0.1.2": 10, "127.0.1.3": 10}


def test_least_connections_spares_the_slow_replica(trial):
    found = trial("least_conn")
    assert found["all"] == 40 and 1 <= found["slow"] <= 8


def test_ip_hash_sees_networks_and_the_real_client(trial):
    found = trial("ip_hash")
    assert found["one network"] == 1 and found["replicas"] == 3 and found["least"] >= 8


def test_a_new_replica_moves_a_quarter_of_the_keys_and_three_of_four_by_plain_hashing(trial):
    found = trial("consistent_hash")
    assert 45 <= found[" consistent"] <= 110 and 190 <= found[""] <= 260


def test_a_sticky_cookie_holds_until_its_server_is_gone(trial):
    assert trial("sticky") == {
        "attributes": "Max-Age=3600; Path=/",
        "stays": ["127.0.1.1"],
        "again": None,
        "spread": 3,
        "moved": True,
        "new cookie": True,
    }


def test_what_nginx_cannot_read_harms_only_its_own_ingress(trial):
    found = trial("bad_directive")
    assert list(found["first"]) == ["bad"] and 'unknown directive "nonsense"' in found["first"]["bad"]
    assert found["up"] == [200, 404] and found["mended"] == [{}, "1"]
    assert found["second"] == ["bad"] and found["kept"] == "1"


def test_a_rewrite_is_the_same_behind_a_sticky_cookie(trial):
    assert trial("rewrites") == {"plain": "/beans/green?x=1", "sticky": "/beans/green?x=1"}


def test_each_name_has_its_certificate_or_no_handshake(trial, image):
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=cafe.test", "-addext", "subjectAltName=DNS:cafe.test"]
    out = ["-keyout", str(image / "key.pem"), "-out", str(image / "cert.pem")]
    subprocess.run(["openssl", "req", "-x509", *key, *names, *out], check=True, capture_output=True)
    assert trial("tls", "/cert.pem", "/key.pem") == {
        "cafe.test": "cafe.test",
        "bar.test": "TLSV1_UNRECOGNIZED_NAME",
        "other.test": "TLSV1_UNRECOGNIZED_NAME",
        "redirect": "https://cafe.test:443/",
        "unknown": 404,
    }


def test_tcp_and_udp_pass_through_their_listeners(trial):
    even = {"127.0.1.1": 5, "127.0.1.2": 5}
    assert trial("transport") == {"TCP": even, "UDP": even}


def test_twenty_reloads_lose_no_request(trial):
    assert trial("reload_under_load") == {"statuses": [200], "enough": True}


def test_nginx_tells_its_whole_configuration(trial):
    assert trial("dump") == {"code": 0, "files": 1}
