"""NetworkPolicies as the API takes and shows them."""

import pytest

POLICIES = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"


def policy(name="p", **spec) -> dict:
    return {"metadata": {"name": name}, "spec": spec}


def from_block(cidr: str, *holes: str) -> dict:
    return policy(ingress=[{"from": [{"ipBlock": {"cidr": cidr, "except": list(holes)}}]}])


@pytest.mark.parametrize(
    ("spec", "types"),
    [
        ({}, ["Ingress"]),
        ({"egress": []}, ["Ingress"]),
        ({"egress": [{}]}, ["Ingress", "Egress"]),
        ({"policyTypes": ["Egress"]}, ["Egress"]),
    ],
)
async def test_types_not_given_follow_from_the_rules(plane, spec, types):
    made = await plane.call("POST", POLICIES, policy(**spec), code=201)
    assert made["spec"]["policyTypes"] == types
    assert made["spec"]["podSelector"] == {}


async def test_a_port_is_tcp_unless_it_says_otherwise(plane):
    made = await plane.call("POST", POLICIES, policy(ingress=[{"ports": [{"port": 80}]}]), code=201)
    assert made["spec"]["ingress"][0]["ports"] == [{"port": 80, "protocol": "TCP"}]


def port(**entry) -> dict:
    return policy(ingress=[{"ports": [entry]}])


def selector(**expression) -> dict:
    return policy(podSelector={"matchExpressions": [{"key": "a", **expression}]})


PORT = "spec.ingress[0].ports[0]"
BLOCK = "spec.ingress[0].from[0].ipBlock"
CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
VALUES = "spec.podSelector.matchExpressions[0].values"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (from_block("10.0.0.0/33"), f'{BLOCK}.cidr: Invalid value: "10.0.0.0/33": {CIDR}'),
        (from_block("10.0.0.0"), f'{BLOCK}.cidr: Invalid value: "10.0.0.0": {CIDR}'),
        (from_block("10.0.0.0/8", "web"), f'{BLOCK}.except[0]: Invalid value: "web": {CIDR}'),
        (from_block("10.0.0.0/8", "10.0.0.0/8"), "must be a strict subset of `cidr`"),
        (from_block("10.0.0.0/8", "11.0.0.0/9"), "must be a strict subset of `cidr`"),
        (from_block("10.0.0.0/8", "::/0"), "must be a strict subset of `cidr`"),
        (port(port=0), f"{PORT}.port: Invalid value: 0: must be between 1 and 65535, inclusive"),
        (
            port(port=9, endPort=8),
            f"{PORT}.endPort: Invalid value: 8: must be greater than or equal to `port`",
        ),
        (port(endPort=8), "may not be specified when `port` is not specified"),
        (port(port="web", endPort=8), "may not be specified when `port` is non-numeric"),
        (port(port="Web"), "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"),
        (port(port=80, protocol="ICMP"), 'supported values: "SCTP", "TCP", "UDP"'),
        (policy(policyTypes=["Both"]), 'spec.policyTypes[0]: Unsupported value: "Both"'),
        (policy(egress=[{"to": [{}]}]), "spec.egress[0].to[0]: Required value: must specify a peer"),
        (selector(operator="In"), f"{VALUES}: Required value: must be specified when `operator` is 'In' or"),
        (selector(operator="Exists", values=["b"]), f"{VALUES}: Forbidden: may not be specified when"),
        (selector(operator="Like", values=["b"]), 'Invalid value: "Like": not a valid selector operator'),
    ],
)
async def test_an_invalid_policy_is_told_what_is_wrong(plane, body, told):
    answer = await plane.call("POST", POLICIES, body, code=422)
    assert answer["message"].startswith('NetworkPolicy.networking.k8s.io "p" is invalid: ')
    assert told in answer["message"]


async def test_a_block_stands_alone(plane):
    peer = {"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}
    answer = await plane.call("POST", POLICIES, policy(ingress=[{"from": [peer]}]), code=422)
    assert "Forbidden: may not specify both ipBlock and another peer" in answer["message"]


async def test_a_network_with_host_bits_is_taken_with_a_warning(plane):
    async with plane.session.post(plane.url + POLICIES, json=from_block("10.1.2.3/8")) as answer:
        assert answer.status == 201
        assert 'ambiguous in this context (should be \\"10.0.0.0/8\\" or' in answer.headers["Warning"]


async def test_an_unknown_field_is_refused_by_its_place(plane):
    body = policy(ingress=[{"form": []}])
    answer = await plane.call("POST", f"{POLICIES}?fieldValidation=Strict", body, code=400)
    assert 'unknown field "spec.ingress[0].form"' in answer["message"]


async def test_the_table_shows_whom_a_policy_selects(plane):
    await plane.call("POST", POLICIES, policy(podSelector={"matchLabels": {"app": "web"}}), code=201)
    await plane.call("POST", POLICIES, policy("q"), code=201)
    headers = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    async with plane.session.get(plane.url + POLICIES, headers=headers) as answer:
        table = await answer.json()
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Pod-Selector", "Age"]
    assert [row["cells"][:2] for row in table["rows"]] == [["p", "app=web"], ["q", "<none>"]]
