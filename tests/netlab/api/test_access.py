"""Three people: ana may edit in `default`, bia may look, caio may do nothing."""

import base64
import ssl

import aiohttp
import pytest

from .worlds import CONFIGMAPS, NAMESPACE, PODS, config_map, pod

RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLE_BINDINGS = f"{RBAC}/namespaces/default/rolebindings"


def as_user(name, *groups):
    return [("Impersonate-User", name), *(("Impersonate-Group", group) for group in groups)]


def binding(name, role, user, kind="ClusterRole"):
    return {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
        "subjects": [{"kind": "User", "name": user}],
    }


@pytest.fixture
async def people(plane):
    await plane.call("POST", ROLE_BINDINGS, binding("ana", "edit", "ana"), code=201)
    await plane.call("POST", ROLE_BINDINGS, binding("bia", "view", "bia"), code=201)
    return plane


async def test_an_editor_edits_a_viewer_views_a_stranger_gets_nothing(people):
    await people.call("POST", CONFIGMAPS, config_map(), code=201, headers=as_user("ana"))
    await people.call("GET", f"{CONFIGMAPS}/c1", code=200, headers=as_user("bia"))
    answer = await people.call("DELETE", f"{CONFIGMAPS}/c1", code=403, headers=as_user("bia"))
    assert answer["message"] == (
        'configmaps "c1" is forbidden: User "bia" cannot delete resource "configmaps" in API group ""'
        ' in the namespace "default"'
    )
    await people.call("GET", CONFIGMAPS, code=403, headers=as_user("caio"))


async def test_rights_end_at_the_namespace(people):
    await people.call("GET", "/api/v1/namespaces/kube-system/pods", code=403, headers=as_user("ana"))
    answer = await people.call("GET", "/api/v1/pods", code=403, headers=as_user("ana"))
    assert answer["message"].endswith('cannot list resource "pods" in API group "" at the cluster scope')


async def test_secrets_are_hidden_from_viewers(people):
    await people.call("GET", f"{NAMESPACE}/secrets", code=403, headers=as_user("bia"))


async def test_exec_needs_the_right_to_create(people):
    await people.call("POST", PODS, pod(), code=201)
    headers = dict(as_user("bia"))
    url = f"{people.url}{PODS}/web/exec?command=id&stdout=true"
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await people.session.ws_connect(url, headers=headers, protocols=("v5.channel.k8s.io",))
    assert refused.value.status == 403


async def test_nobody_hands_out_what_they_lack(people):
    admin = binding("bia-admin", "admin", "ana")
    await people.call("POST", ROLE_BINDINGS, {**admin, "metadata": {"name": "make-admin"}}, code=201)
    await people.call(
        "POST", ROLE_BINDINGS, binding("more", "view", "caio"), code=201, headers=as_user("ana")
    )
    answer = await people.call(
        "POST", ROLE_BINDINGS, binding("grab", "cluster-admin", "ana"), code=403, headers=as_user("ana")
    )
    assert "is attempting to grant RBAC permissions not currently held" in answer["message"]


async def test_impersonating_needs_a_right_of_its_own(people):
    token = await _token(people)
    headers = {"Authorization": f"Bearer {token}", "Impersonate-User": "ana"}
    async with (
        aiohttp.ClientSession(connector=_anonymous_connector(people)) as session,
        session.get(people.url + PODS, headers=headers) as answer,
    ):
        message = (await answer.json())["message"]
    assert (
        'users "ana" is forbidden: User "system:serviceaccount:default:default" cannot impersonate' in message
    )


async def test_an_impersonated_service_account_has_its_groups(plane):
    headers = as_user("system:serviceaccount:default:student")
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    answer = await plane.call("POST", path, {}, code=201, headers=headers)
    assert answer["status"]["userInfo"] == {
        "username": "system:serviceaccount:default:student",
        "groups": ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"],
    }


async def test_groups_without_a_user_make_no_sense(plane):
    await plane.call("GET", PODS, code=400, headers={"Impersonate-Group": "x"})


async def _token(plane, **spec):
    path = f"{NAMESPACE}/serviceaccounts/default/token"
    return (await plane.call("POST", path, {"spec": spec}, code=201))["status"]["token"]


def _anonymous_connector(plane):
    context = ssl.create_default_context(cadata=plane.plane.authority.ca_pem.decode())
    return aiohttp.TCPConnector(ssl=context)


async def get_as_bearer(plane, token, path=PODS):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        aiohttp.ClientSession(connector=_anonymous_connector(plane)) as session,
        session.get(plane.url + path, headers=headers) as answer,
    ):
        return answer.status, await answer.json(content_type=None)


async def test_a_token_speaks_for_its_account(plane):
    body = binding("sa", "view", "x")
    body["subjects"] = [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}]
    token = await _token(plane)
    assert (await get_as_bearer(plane, token))[0] == 403
    await plane.call("POST", ROLE_BINDINGS, body, code=201)
    assert (await get_as_bearer(plane, token))[0] == 200


async def test_a_forged_or_foreign_token_is_unauthorized(plane):
    token = await _token(plane)
    deep = base64.urlsafe_b64encode(b"[" * 2500 + b"]" * 2500).decode()
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    elsewhere = await _token(plane, audiences=["elsewhere"])
    forged = [token[:-4] + "AAAA", f"{deep}.{token.partition('.')[2]}", f"{unsigned}.{token.split('.')[1]}."]
    for bad in (*forged, "x.y.z", "nonsense", elsewhere):
        status, answer = await get_as_bearer(plane, bad)
        assert (status, answer["reason"]) == (401, "Unauthorized")


async def test_no_credentials_are_forbidden_not_unauthorized(plane):
    status, answer = await get_as_bearer(plane, None)
    assert status == 403 and 'User "system:anonymous" cannot list' in answer["message"]
    assert (await get_as_bearer(plane, None, "/version"))[0] == 200


async def test_a_token_dies_with_its_pod(plane):
    await plane.call("POST", PODS, pod(), code=201)
    token = await _token(plane, boundObjectRef={"kind": "Pod", "name": "web"})
    assert (await get_as_bearer(plane, token))[0] == 403
    plane.store.remove("pods", "default", "web")
    assert (await get_as_bearer(plane, token))[0] == 401


async def test_a_token_review_tells_whose_token_it_is(plane):
    review = {"spec": {"token": await _token(plane)}}
    path = "/apis/authentication.k8s.io/v1/tokenreviews"
    answer = await plane.call("POST", path, review, code=201)
    assert answer["status"]["authenticated"] is True
    assert answer["status"]["user"]["username"] == "system:serviceaccount:default:default"
    answer = await plane.call("POST", path, {"spec": {"token": "x"}}, code=201)
    assert answer["status"]["authenticated"] is False


async def test_who_judges_for_the_cluster_may_review_tokens(people):
    review = {"spec": {"token": "nobody's"}}
    path = "/apis/authentication.k8s.io/v1/tokenreviews"
    await people.call("POST", path, review, code=403, headers=as_user("caio"))
    delegator = binding("caio", "system:auth-delegator", "caio")
    await people.call("POST", f"{RBAC}/clusterrolebindings", delegator, code=201)
    answer = await people.call("POST", path, review, code=201, headers=as_user("caio"))
    assert not answer["status"].get("authenticated")


async def test_access_reviews_answer_as_the_server_would_act(people):
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

    async def may(verb, resource, **more):
        spec = {"resourceAttributes": {"verb": verb, "resource": resource, "namespace": "default", **more}}
        answer = await people.call("POST", path, {"spec": spec}, code=201, headers=as_user("ana"))
        return answer["status"]["allowed"]

    assert await may("create", "pods") is True
    assert await may("create", "pods", subresource="exec") is True
    assert await may("delete", "nodes") is False


async def test_rules_reviews_list_what_was_bound(people):
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    answer = await people.call(
        "POST", path, {"spec": {"namespace": "default"}}, code=201, headers=as_user("bia")
    )
    verbs = {
        verb
        for rule in answer["status"]["resourceRules"]
        if "pods" in rule["resources"]
        for verb in rule["verbs"]
    }
    assert verbs == {"get", "list", "watch"}
