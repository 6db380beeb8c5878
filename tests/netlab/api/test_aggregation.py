"""ClusterRoles made of others by their labels."""

from .test_access import RBAC, as_user, binding

ROLES = f"{RBAC}/clusterroles"
POOLS = {"apiGroups": ["example.org"], "resources": ["pools"], "verbs": ["get"]}
WHOLE = {
    "metadata": {"name": "whole"},
    "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"part": "yes"}}]},
}


def part(name, rule, **labels):
    return {"metadata": {"name": name, "labels": labels}, "rules": [rule]}


async def rules_become(plane, name, enough):
    async with plane.store.watch("clusterroles.rbac.authorization.k8s.io", since=0) as changes:
        async for change in changes:
            if change.object["metadata"]["name"] == name and enough(change.object.get("rules")):
                return


async def test_a_role_has_the_rules_of_those_it_selects_and_follows_them(plane):
    await plane.call("POST", ROLES, part("one", POOLS, part="yes"), code=201)
    await plane.call("POST", ROLES, part("other", {**POOLS, "verbs": ["list"]}, part="no"), code=201)
    await plane.call("POST", ROLES, WHOLE, code=201)
    await rules_become(plane, "whole", lambda rules: rules == [POOLS])
    await plane.call("DELETE", f"{ROLES}/one", code=200)
    await rules_become(plane, "whole", lambda rules: rules == [])


async def test_what_is_labelled_for_viewers_is_for_viewers_editors_and_admins(plane):
    label = {"rbac.authorization.k8s.io/aggregate-to-view": "true"}
    await plane.call("POST", ROLES, part("pools", POOLS, **label), code=201)
    for name in ("view", "edit", "admin"):
        await rules_become(plane, name, lambda rules: POOLS in rules)


async def test_who_is_no_admin_of_the_cluster_may_not_aggregate(plane):
    rule = {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "verbs": ["create"]}
    await plane.call("POST", ROLES, part("maker", rule), code=201)
    await plane.call("POST", f"{RBAC}/clusterrolebindings", binding("ana", "maker", "ana"), code=201)
    refused = await plane.call("POST", ROLES, WHOLE, code=403, headers=as_user("ana"))
    assert "must have cluster-admin privileges to use the aggregationRule" in refused["message"]


async def test_a_rule_that_selects_nothing_is_invalid(plane):
    refused = await plane.call("POST", ROLES, {**WHOLE, "aggregationRule": {}}, code=422)
    assert "aggregationRule.clusterRoleSelectors: Required value" in refused["message"]
