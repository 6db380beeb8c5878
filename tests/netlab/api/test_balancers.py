from .worlds import NAMESPACE, service

SERVICES = f"{NAMESPACE}/services"
MERGE = {"Content-Type": "application/merge-patch+json"}


async def test_a_balancer_is_pending_until_somebody_gives_it_an_address(plane):
    made = await plane.call("POST", SERVICES, service(type="LoadBalancer"), code=201)
    assert made["status"]["loadBalancer"] == {}
    assert made["spec"]["ports"][0]["nodePort"] in range(30000, 32768)
    made["status"] = {"loadBalancer": {"ingress": [{"ip": "172.18.255.200"}]}}
    await plane.call("PUT", f"{SERVICES}/shop/status", made, code=200)
    stored = plane.store.get("services", "default", "shop")
    assert stored["status"]["loadBalancer"]["ingress"][0]["ip"] == "172.18.255.200"


async def test_a_balancer_may_do_without_node_ports(plane):
    wanted = service(type="LoadBalancer", allocateLoadBalancerNodePorts=False)
    made = await plane.call("POST", SERVICES, wanted, code=201)
    assert "nodePort" not in made["spec"]["ports"][0]


async def test_a_local_balancer_gets_a_health_check_port_and_keeps_it(plane):
    wanted = service(type="LoadBalancer", externalTrafficPolicy="Local")
    made = await plane.call("POST", SERVICES, wanted, code=201)
    number = made["spec"]["healthCheckNodePort"]
    assert number in range(30000, 32768) and number != made["spec"]["ports"][0]["nodePort"]
    again = await plane.call("PUT", f"{SERVICES}/shop", wanted, code=200)
    assert again["spec"]["healthCheckNodePort"] == number


async def test_what_is_a_balancers_goes_with_the_type(plane):
    wanted = service(type="LoadBalancer", externalTrafficPolicy="Local", loadBalancerClass="x.test/y")
    await plane.call("POST", SERVICES, wanted, code=201)
    change = {"spec": {"type": "ClusterIP", "externalTrafficPolicy": None}}
    plain = await plane.call("PATCH", f"{SERVICES}/shop", change, headers=MERGE, code=200)
    balancers = {"allocateLoadBalancerNodePorts", "healthCheckNodePort", "loadBalancerClass"}
    assert not balancers & set(plain["spec"])


async def test_fields_of_balancers_are_refused_elsewhere(plane):
    told = await plane.call("POST", SERVICES, service(loadBalancerSourceRanges=["10.0.0.0/8"]), code=422)
    assert "may only be used when `type` is 'LoadBalancer'" in told["message"]
    wrong = service(type="LoadBalancer", loadBalancerSourceRanges=["10.0.0.0"], externalIPs=["127.0.0.1"])
    causes = (await plane.call("POST", SERVICES, wrong, code=422))["details"]["causes"]
    fields = [cause["field"] for cause in causes]
    assert fields == ["spec.externalIPs[0]", "spec.loadBalancerSourceRanges[0]"]
