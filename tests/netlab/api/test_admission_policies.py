"""ValidatingAdmissionPolicies: what is taken, what is refused, and what they then forbid."""

import subprocess
import sys

import pytest

from .worlds import DEPLOYMENTS, NAMESPACE, PODS, deployment, pod

GROUP = "/apis/admissionregistration.k8s.io/v1"
POLICIES = f"{GROUP}/validatingadmissionpolicies"
BINDINGS = f"{GROUP}/validatingadmissionpolicybindings"
POD_RULE = {
    "apiGroups": [""],
    "apiVersions": ["v1"],
    "operations": ["CREATE", "UPDATE"],
    "resources": ["pods", "pods/ephemeralcontainers"],
}


def policy(*expressions: str, rule: dict | None = None, matching: dict | None = None, **spec) -> dict:
    constraints = {"resourceRules": [rule or POD_RULE], **(matching or {})}
    validations = [{"expression": text} for text in expressions]
    return {
        "metadata": {"name": "p"},
        "spec": {"matchConstraints": constraints, "validations": validations, **spec},
    }


def binding(*actions: str, **spec) -> dict:
    wanted = {"policyName": "p", "validationActions": list(actions or ["Deny"]), **spec}
    return {"metadata": {"name": "b"}, "spec": wanted}


async def enforce(plane, body: dict, *actions: str, **spec) -> None:
    await plane.call("POST", POLICIES, body, code=201)
    await plane.call("POST", BINDINGS, binding(*actions, **spec), code=201)


async def refusal(plane, body: dict, path=PODS, code=422, **options) -> str:
    return (await plane.call("POST", path, body, code=code, **options))["message"]


async def test_a_policy_denies_in_the_words_of_kubernetes(plane):
    await enforce(plane, policy("object.metadata.name != 'web'"))
    answer = await plane.call("POST", PODS, pod(), code=422)
    told = "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: failed expression:"
    message = f"{told} object.metadata.name != 'web'"
    assert answer["message"] == f'pods "web" is forbidden: {message}'
    assert answer["reason"] == "Invalid"
    assert answer["details"] == {"name": "web", "kind": "pods", "causes": [{"message": message}]}
    await plane.call("POST", PODS, pod("other"), code=201)


async def test_without_a_binding_a_policy_denies_nothing(plane):
    await plane.call("POST", POLICIES, policy("false"), code=201)
    await plane.call("POST", PODS, pod(), code=201)


async def test_defaults_are_filled_in(plane):
    made = await plane.call("POST", POLICIES, policy("true"), code=201)
    assert made["spec"]["failurePolicy"] == "Fail"
    assert made["spec"]["matchConstraints"]["matchPolicy"] == "Equivalent"
    assert made["spec"]["matchConstraints"]["resourceRules"][0]["scope"] == "*"
    assert made["metadata"]["generation"] == 1


WHERE = "spec.validations[0].expression: Invalid value:"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (policy("object."), f'{WHERE} "object.": compilation failed: ERROR: <input>:1:8: Syntax error:'),
        (policy("nope == 1"), "undeclared reference to 'nope' (in container '')\n | nope == 1\n | ^"),
        (policy("1 + 'a' == 2"), "found no matching overload for '_+_' applied to '(int, string)'"),
        (policy("variables.x == 1"), "undefined field 'x'"),
        (policy("params.x == 1"), "undeclared reference to 'params'"),
        (policy("object.metadata.name"), f'{WHERE} "object.metadata.name": must evaluate to bool'),
        (policy(" "), "spec.validations[0].expression: Required value: expression is not specified"),
        (policy(), "spec.validations: Required value: validations or auditAnnotations must be set"),
        (policy("true", failurePolicy="Maybe"), 'supported values: "Fail", "Ignore"'),
        (policy("true", paramKind={"apiVersion": "v1", "kind": "ConfigMap"}), "spec.paramKind: Forbidden:"),
        (policy("true", rule={**POD_RULE, "operations": ["READ"]}), 'Unsupported value: "READ"'),
        (policy("true", rule={**POD_RULE, "resources": []}), "resourceRules[0].resources: Required value"),
        (
            policy("true", variables=[{"name": "a-b", "expression": "1"}]),
            "name is not a valid CEL identifier",
        ),
        (
            policy("true", matchConditions=[{"name": "c", "expression": "1"}]),
            'spec.matchConditions[0].expression: Invalid value: "1": must evaluate to bool',
        ),
        (
            policy("true", validations=[{"expression": "true", "messageExpression": "1"}]),
            'spec.validations[0].messageExpression: Invalid value: "1": must evaluate to string',
        ),
        (
            policy("true", validations=[{"expression": "true", "reason": "Bored"}]),
            'spec.validations[0].reason: Unsupported value: "Bored"',
        ),
        (policy("1 > 0 &&\ntrue"), "message must be specified if expression contains line breaks"),
    ],
)
async def test_an_invalid_policy_is_told_what_is_wrong(plane, body, told):
    message = await refusal(plane, body, POLICIES)
    assert message.startswith('ValidatingAdmissionPolicy.admissionregistration.k8s.io "p" is invalid: ')
    assert told in message


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (binding("Deny", "Warn"), "must not contain both Deny and Warn"),
        (binding("Shout"), 'supported values: "Audit", "Deny", "Warn"'),
        (binding("Deny", policyName=""), "spec.policyName: Required value"),
        (
            binding("Deny", paramRef={"name": "x"}),
            "spec.paramRef: Forbidden: parameters of admission policies",
        ),
    ],
)
async def test_an_invalid_binding_is_told_what_is_wrong(plane, body, told):
    assert told in await refusal(plane, body, BINDINGS)


async def test_an_update_may_not_break_a_policy(plane):
    await plane.call("POST", POLICIES, policy("true"), code=201)
    patch = {"spec": {"validations": [{"expression": "tru"}]}}
    headers = {"Content-Type": "application/merge-patch+json"}
    answer = await plane.call("PATCH", f"{POLICIES}/p", patch, code=422, headers=headers)
    assert "undeclared reference to 'tru'" in answer["message"]


@pytest.mark.parametrize(
    "expression",
    [
        "has(object.spec.containers) && !has(object.spec.hostNetwork)",
        "object.spec.containers.all(c, c.image.startsWith('busybox'))",
        "object.spec.containers.exists_one(c, c.name == 'box')",
        "object.spec.containers.map(c, c.name) == ['box']",
        "object.spec.containers.filter(c, c.image.contains('nginx')).size() == 0",
        "object.spec.containers[0].image.split(':')[1].matches('^1[.]')",
        "object.?spec.?runtimeClassName.orValue('none') == 'none'",
        "'%s-%d'.format(['a', 1]) == 'a-1' && 'A'.lowerAscii() == 'a' && 'x'.replace('x', 'y') == 'y'",
        "sets.contains(['box', 'other'], object.spec.containers.map(c, c.name))",
        "oldObject == null && request.operation == 'CREATE' && request.namespace == 'default'",
        "request.userInfo.username == 'kubernetes-admin' && 'system:masters' in request.userInfo.groups",
        "request.kind.kind == 'Pod' && request.resource.resource == 'pods' && !has(request.subResource)",
        "namespaceObject.metadata.labels['kubernetes.io/metadata.name'] == 'default'",
        "object.spec.terminationGracePeriodSeconds <= 30",
    ],
)
async def test_expressions_see_the_request(plane, expression):
    await enforce(plane, policy(expression))
    await plane.call("POST", PODS, pod(), code=201)


async def test_messages_and_reasons_are_the_policys(plane):
    speaking = {
        "expression": "object.metadata.name == 'x'",
        "message": "the name is x",
        "messageExpression": "'not ' + object.metadata.name",
        "reason": "Forbidden",
    }
    await enforce(plane, policy(validations=[speaking]))
    assert (await refusal(plane, pod(), code=403)).endswith("denied request: not web")


async def test_a_failing_message_expression_gives_way_to_the_message(plane):
    mute = {"expression": "false", "message": "no", "messageExpression": "object.nothing.there + ''"}
    await enforce(plane, policy(validations=[mute]))
    assert (await refusal(plane, pod())).endswith("denied request: no")


async def test_variables_build_on_each_other(plane):
    variables = [
        {"name": "names", "expression": "object.spec.containers.map(c, c.name)"},
        {"name": "many", "expression": "variables.names.size() > 1"},
    ]
    await enforce(plane, policy("!variables.many", variables=variables))
    two = pod(containers=[{"name": name, "image": "busybox:1"} for name in "ab"])
    await plane.call("POST", PODS, pod("one"), code=201)
    assert "failed expression: !variables.many" in await refusal(plane, two)


async def test_a_broken_variable_hurts_only_who_uses_it(plane):
    variables = [{"name": "broken", "expression": "object.nothing"}]
    await enforce(plane, policy("object.metadata.name == 'ok' || variables.broken == 1", variables=variables))
    await plane.call("POST", PODS, pod("ok"), code=201)
    told = await refusal(plane, pod())
    assert 'composited variable "broken" fails to evaluate: no such key: nothing' in told


@pytest.mark.parametrize(("failure_policy", "code"), [("Fail", 422), ("Ignore", 201)])
async def test_an_expression_that_fails_counts_unless_told_otherwise(plane, failure_policy, code):
    await enforce(plane, policy("object.spec.nothing == 1", failurePolicy=failure_policy))
    answer = await plane.call("POST", PODS, pod(), code=code)
    if code == 422:
        assert "resulted in error: no such key: nothing" in answer["message"]


@pytest.mark.parametrize("note", ["\ud800", "\x00", "x" * 200_000])
async def test_no_text_of_a_pod_leads_around_a_policy(plane, note):
    await enforce(plane, policy("object.metadata.name != 'web'"))
    noted = pod()
    noted["metadata"]["annotations"] = {"note": note}
    assert "denied request" in await refusal(plane, noted)


async def test_match_conditions_narrow_a_policy(plane):
    conditions = [
        {"name": "named", "expression": "object.metadata.name.startsWith('guarded')"},
        {"name": "failing", "expression": "object.nothing == 1"},
    ]
    await enforce(plane, policy("false", matchConditions=conditions))
    await plane.call("POST", PODS, pod("free"), code=201)
    assert "object.nothing == 1' resulted in error" in await refusal(plane, pod("guarded"))


async def test_selectors_choose_namespaces_and_objects(plane):
    matching = {
        "namespaceSelector": {"matchLabels": {"guarded": "yes"}},
        "objectSelector": {"matchLabels": {"app": "web"}},
    }
    await enforce(plane, policy("false", matching=matching))
    await plane.call("POST", PODS, pod("web"), code=201)
    guarded = {"metadata": {"name": "guarded", "labels": {"guarded": "yes"}}}
    async with plane.store.watch("serviceaccounts") as changes:
        await plane.call("POST", "/api/v1/namespaces", guarded, code=201)
        await anext(changes)
    elsewhere = "/api/v1/namespaces/guarded/pods"
    await plane.call("POST", elsewhere, pod("other"), code=201)
    assert "denied request" in await refusal(plane, pod("web"), elsewhere)


async def test_a_binding_narrows_its_policy(plane):
    narrowed = {"matchResources": {"objectSelector": {"matchLabels": {"app": "web"}}}}
    await enforce(plane, policy("false"), "Deny", **narrowed)
    await plane.call("POST", PODS, pod("other"), code=201)
    assert "denied request" in await refusal(plane, pod("web"))


async def test_a_number_no_integer_holds_is_no_way_around(plane):
    await enforce(plane, policy("object.metadata.name != 'web'"))
    assert "denied request" in await refusal(plane, pod(terminationGracePeriodSeconds=2**70))


async def test_excluded_and_named_resources(plane):
    rule = {**POD_RULE, "resourceNames": ["web"]}
    excluded = {"excludeResourceRules": [{**POD_RULE, "operations": ["UPDATE"]}]}
    await enforce(plane, policy("false", rule=rule, matching=excluded))
    await plane.call("POST", PODS, pod("other"), code=201)
    assert "denied request" in await refusal(plane, pod("web"))


async def test_warn_lets_through_and_says_so(plane):
    await enforce(plane, policy("false"), "Warn")
    async with plane.session.post(plane.url + PODS, json=pod()) as answer:
        assert answer.status == 201
        told = (
            "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': failed expression: false"
        )
        assert told in answer.headers["Warning"]


async def test_what_has_no_effect_is_warned_of(plane):
    rule = {**POD_RULE, "operations": ["CONNECT"], "resources": ["pods/exec"]}
    async with plane.session.post(plane.url + POLICIES, json=policy("true", rule=rule)) as answer:
        warned = ", ".join(answer.headers.getall("Warning"))
    assert "CONNECT has no effect in netlab" in warned
    assert "pods/exec has no effect in netlab" in warned
    async with plane.session.post(plane.url + BINDINGS, json=binding("Audit")) as answer:
        assert "it keeps no audit log" in answer.headers["Warning"]


async def test_updates_see_the_old_object(plane):
    await enforce(plane, policy("oldObject == null || object.metadata.labels == oldObject.metadata.labels"))
    await plane.call("POST", PODS, pod(), code=201)
    headers = {"Content-Type": "application/merge-patch+json"}
    patch = {"metadata": {"labels": {"app": "else"}}}
    answer = await plane.call("PATCH", f"{PODS}/web", patch, code=422, headers=headers)
    assert "denied request" in answer["message"]


async def test_ephemeral_containers_are_a_subresource(plane):
    rule = {**POD_RULE, "resources": ["pods/ephemeralcontainers"]}
    await enforce(plane, policy("!has(object.spec.ephemeralContainers)", rule=rule))
    await plane.call("POST", PODS, pod(), code=201)
    patch = {"spec": {"ephemeralContainers": [{"name": "d", "image": "busybox:1"}]}}
    headers = {"Content-Type": "application/strategic-merge-patch+json"}
    path = f"{PODS}/web/ephemeralcontainers"
    answer = await plane.call("PATCH", path, patch, code=422, headers=headers)
    assert "denied request" in answer["message"]


async def test_deletions_and_scaling_are_judged(plane):
    rule = {
        "apiGroups": ["apps"],
        "apiVersions": ["*"],
        "operations": ["DELETE", "UPDATE"],
        "resources": ["deployments", "*/scale"],
    }
    few = "object != null && (request.kind.kind != 'Scale' || object.spec.replicas < 5)"
    await enforce(plane, policy(few, rule=rule))
    await plane.call("POST", DEPLOYMENTS, deployment(), code=201)
    headers = {"Content-Type": "application/merge-patch+json"}
    scale, path = {"spec": {"replicas": 9}}, f"{DEPLOYMENTS}/shop/scale"
    assert "denied" in (await plane.call("PATCH", path, scale, code=422, headers=headers))["message"]
    await plane.call("PATCH", path, {"spec": {"replicas": 3}}, code=200, headers=headers)
    assert "denied" in (await plane.call("DELETE", f"{DEPLOYMENTS}/shop", code=422))["message"]


async def test_a_deployment_is_no_way_around_a_policy_on_pods(plane):
    await enforce(plane, policy("request.userInfo.username != 'x' && object.metadata.name == 'web'"))
    async with plane.store.watch("events") as changes:
        await plane.call("POST", DEPLOYMENTS, deployment(), code=201)
        while (event := (await anext(changes)).object)["reason"] != "FailedCreate":
            pass
    assert 'Error creating: pods "shop-' in event["message"]
    assert "ValidatingAdmissionPolicy 'p' with binding 'b' denied request" in event["message"]
    assert plane.store.list("pods", "default") == []


async def test_nobody_is_locked_out_of_mending_a_policy(plane):
    everything = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}
    await enforce(plane, policy("false", rule=everything))
    assert "denied" in await refusal(plane, {"metadata": {"name": "c"}}, f"{NAMESPACE}/configmaps")
    await plane.call("DELETE", f"{POLICIES}/p", code=200)
    await plane.call("POST", f"{NAMESPACE}/configmaps", {"metadata": {"name": "c"}}, code=201)


def test_a_cluster_without_policies_does_not_load_the_language():
    code = "import sys, netlab.server; sys.exit('cel_expr_python' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


async def test_tables_show_policies_and_their_bindings(plane):
    await enforce(plane, policy("true", "true"))
    headers = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    policies = await plane.call("GET", POLICIES, headers=headers)
    bindings = await plane.call("GET", BINDINGS, headers=headers)
    assert policies["rows"][0]["cells"][:3] == ["p", 2, "<unset>"]
    assert bindings["rows"][0]["cells"][:3] == ["b", "p", "<unset>"]
