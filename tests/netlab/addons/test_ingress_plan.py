"""What nginx is told for a world of Ingresses, and what the Ingresses are told."""

from hashlib import md5

import pytest

from netlab.addons.ingress import plan
from netlab.addons.ingress.drafts import Options
from tests.netlab.addons.ingress_worlds import (
    SHOP,
    backend,
    endpoint_slice,
    ingress,
    planned,
    rule,
    secret,
    service,
    text_of,
    told,
    world,
)

CAFE = rule("cafe.test", tea="/tea", coffee="/coffee")
LB_METHODS = [
    ("round_robin", None),
    ("least_conn", "least_conn;"),
    ("ip_hash", "ip_hash;"),
    ("random", "random;"),
    ("random two", "random two;"),
    ("random two least_conn", "random two least_conn;"),
    ("hash $request_uri", "hash $request_uri;"),
    ("hash ${arg_user} consistent", "hash ${arg_user} consistent;"),
]
REFUSED = [
    ("lb-method", "fastest", 'invalid load balancing method: "fastest"'),
    ("lb-method", "hash $a;} consistent", "invalid load balancing method"),
    ("lb-method", "least_time header", "invalid load balancing method"),
    ("proxy-read-timeout", "5 parsecs", "must be a time"),
    ("client-max-body-size", "1m; evil on", "must be a size"),
    ("sticky-cookie-services", "serviceName=tea a;b", "must be serviceName=SERVICE COOKIE"),
    ("sticky-cookie-services", "serviceName=tea id colour=red", 'unknown option "colour=red"'),
    ("rewrites", "serviceName=tea rewrite=/;}", "must be a semicolon-separated list of rewrites"),
    ("server-snippets", "return 418;", "snippets feature is not enabled"),
    ("ssl-redirect", "maybe", "must be a boolean"),
]


def test_a_service_becomes_a_shared_group_and_a_path_a_location():
    text = text_of(planned(ingress("cafe", CAFE)), "cafe")
    assert "upstream shop-cafe-cafe.test-tea-80 {\n\tzone shop-cafe-cafe.test-tea-80 256k;\n" in text
    assert (
        "\trandom two least_conn;\n\tserver 10.244.1.5:8080 max_fails=1 fail_timeout=10s max_conns=0;" in text
    )
    assert "location /tea {" in text
    assert "proxy_pass http://shop-cafe-cafe.test-coffee-80;" in text
    assert "listen 443" not in text


@pytest.mark.parametrize(("value", "line"), LB_METHODS)
def test_every_method_of_the_open_source_edition_is_nginxs_own(value, line):
    made = planned(ingress("cafe", CAFE, annotations={"lb-method": value}))
    assert told(made, "cafe") == "AddedOrUpdated: Configuration for shop/cafe was added or updated"
    third = text_of(made, "cafe").splitlines()[3].strip()
    assert third == line or (line is None and third.startswith("server "))


@pytest.mark.parametrize(("key", "value", "why"), REFUSED)
def test_a_wrong_annotation_refuses_its_ingress_and_no_other(key, value, why):
    made = planned(ingress("cafe", CAFE, annotations={key: value}), ingress("bar", rule("bar.test", tea="/")))
    assert told(made, "cafe").startswith(
        f"Rejected: shop/cafe was rejected: with error: annotations.nginx.org/{key}: "
    )
    assert why in told(made, "cafe")
    assert [path for path in made.files if path.startswith("conf.d")] == ["conf.d/shop-bar.conf"]


def test_what_is_unknown_is_named_and_what_is_sold_is_refused():
    unknown = planned(ingress("cafe", CAFE, annotations={"policies": "x"}))
    assert "with warning(s): annotation nginx.org/policies has no effect here" in told(unknown, "cafe")
    sold = ingress("cafe", CAFE)
    sold["metadata"]["annotations"] = {"nginx.com/slow-start": "1s"}
    assert told(planned(sold), "cafe").endswith(
        "nginx.com/slow-start: Forbidden: annotation requires NGINX Plus"
    )


def test_an_ingress_of_another_class_is_left_alone():
    assert not planned(ingress("cafe", CAFE, ingressClassName="traefik")).owners.keys() - {"nginx.conf"}


def test_the_configmap_sets_the_default_that_an_annotation_overrides():
    one = ingress("one", rule("one.test", tea="/"))
    two = ingress("two", rule("two.test", tea="/"), annotations={"lb-method": "random"})
    made = planned(one, two, configmap={"lb-method": "ip_hash", "error-log-level": "info"})
    assert "ip_hash;" in text_of(made, "one") and "\trandom;" in text_of(made, "two")
    assert "error_log stderr info;" in made.files["nginx.conf"]


def test_a_wrong_key_of_the_configmap_is_told_and_ignored():
    made = planned(ingress("cafe", CAFE), configmap={"lb-method": "best", "set-real-ip-from": "10.0.0.0/8"})
    message = made.messages["ConfigMap", "nginx-ingress", "nginx-config"]
    assert (
        message.reason == "UpdatedWithError"
        and 'lb-method: invalid load balancing method: "best"' in message.text
    )
    assert "random two least_conn;" in text_of(made, "cafe")
    assert "set_real_ip_from 10.0.0.0/8;" in text_of(made, "cafe")


@pytest.mark.parametrize(
    ("path", "kind", "annotations", "line"),
    [
        ("/tea", "Exact", {}, "location = /tea {"),
        ("/tea", "ImplementationSpecific", {}, "location /tea {"),
        ("/tea/[0-9]+", "Prefix", {"path-regex": "case_sensitive"}, 'location ~ "^/tea/[0-9]+" {'),
        ("/tea", "Prefix", {"path-regex": "case_insensitive"}, 'location ~* "^/tea" {'),
        ("/tea", "Prefix", {"path-regex": "exact"}, 'location = "/tea" {'),
    ],
)
def test_paths_match_as_their_type_says(path, kind, annotations, line):
    one = {"path": path, "pathType": kind, "backend": backend("tea")}
    made = planned(ingress("cafe", {"host": "cafe.test", "http": {"paths": [one]}}, annotations=annotations))
    assert line in text_of(made, "cafe")


@pytest.mark.parametrize("path", ["/a b", "/a;b", 'a"', "/{", "/$host", "/a#b"])
def test_a_path_cannot_carry_directives(path):
    made = planned(ingress("cafe", rule("cafe.test", tea=path)))
    assert told(made, "cafe").startswith("Rejected")


def test_the_oldest_ingress_keeps_its_host():
    old = ingress("old", rule("cafe.test", tea="/"), born=1)
    young = ingress("young", rule("cafe.test", coffee="/"), rule("own.test", coffee="/"), born=2)
    late = ingress("late", rule("cafe.test", coffee="/"), born=3)
    made = planned(late, young, old)
    assert "host cafe.test is taken by another resource" in told(made, "young")
    assert told(made, "late").endswith("All hosts are taken by other resources")
    assert text_of(made, "young").count("server_name") == 1


def test_a_master_takes_the_paths_of_its_minions():
    master = ingress("m", rule("cafe.test"), annotations={"mergeable-ingress-type": "master"})
    minions = [
        ingress(
            name, rule("cafe.test", **{name: f"/{name}"}), annotations={"mergeable-ingress-type": "minion"}
        )
        for name in ("tea", "coffee")
    ]
    made = planned(master, *minions)
    assert "# location for minion shop/coffee" in text_of(made, "m")
    assert text_of(made, "m").count("server_name") == 1 and told(made, "tea").startswith("AddedOrUpdated")
    assert told(planned(minions[0]), "tea").endswith("Ingress master is invalid or doesn't exist")


def test_a_port_may_have_a_name_and_a_service_no_endpoint():
    there = world(ingress("cafe", rule("cafe.test", empty="/")))
    assert (
        "server unix:/var/lib/nginx/nginx-502-server.sock"
        in plan.make(there, Options()).files["conf.d/shop-cafe.conf"]
    )
    there.services[SHOP, "tea"] = service("tea", "http")
    there.slices[SHOP, "tea-x"] = endpoint_slice("tea", "10.244.1.5", port=9000, port_name="http")
    there.ingresses[SHOP, "cafe"] = ingress("cafe", rule("cafe.test"), defaultBackend=backend("tea", "http"))
    assert "server 10.244.1.5:9000" in plan.make(there, Options()).files["conf.d/shop-cafe.conf"]


def test_an_unready_endpoint_gets_no_request():
    there = world(ingress("cafe", CAFE))
    there.slices[SHOP, "tea-x"]["endpoints"][0]["conditions"]["ready"] = False
    assert "10.244.1.5" not in plan.make(there, Options()).files["conf.d/shop-cafe.conf"]


def test_without_its_secret_a_host_refuses_handshakes():
    tls = [{"hosts": ["cafe.test"], "secretName": "cert"}]
    there = world(ingress("cafe", CAFE, tls=tls))
    made = plan.make(there, Options())
    assert "listen 443 ssl;\n\tssl_reject_handshake on;" in text_of(made, "cafe")
    assert "TLS secret cert is invalid: secret shop/cert doesn't exist" in told(made, "cafe")
    there.secrets[SHOP, "cert"] = secret("cert", "Opaque", tls_crt=b"x", tls_key=b"y")
    assert "cert is of a wrong type 'Opaque', must be 'kubernetes.io/tls'" in told(
        plan.make(there, Options()), "cafe"
    )
    there.secrets[SHOP, "cert"] = secret("cert", "kubernetes.io/tls", tls_crt=b"x", tls_key=b"y")
    assert "invalid TLS cert or key" in told(plan.make(there, Options()), "cafe")


def test_a_sticky_cookie_pins_a_client_and_survives_its_server():
    annotations = {"sticky-cookie-services": "serviceName=tea srv_id expires=1h path=/tea httponly"}
    text = text_of(planned(ingress("cafe", CAFE, annotations=annotations)), "cafe")
    pinned = md5(b"10.244.1.5:8080").hexdigest()
    assert "srv_id=$sticky_mark_" in text and '; Max-Age=3600; Path=/tea; HttpOnly"' in text
    assert text.count(" backup;") == 2 and text.count("map $cookie_srv_id") == 1
    assert f"\t{pinned} shop-cafe-cafe.test-tea-80-{pinned};" in text
    assert "proxy_pass http://$sticky_to_" in text
    assert "proxy_pass http://shop-cafe-cafe.test-coffee-80;" in text
