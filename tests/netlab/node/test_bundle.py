from pathlib import Path

from netlab.node.bundle import DEFAULT_CAPABILITIES, Mount, Plan, capabilities, oci_config


def plan(**changes) -> Plan:
    facts = {"argv": ["true"], "env": {"A": "1"}, "root": Path("/r"), "namespaces": {}, "mounts": []}
    return Plan(**{**facts, **changes})


def test_ping_works_by_default_and_route_changes_do_not():
    assert "CAP_NET_RAW" in capabilities({})
    assert "CAP_NET_ADMIN" not in capabilities({})


def test_added_and_dropped_capabilities_have_their_effect():
    wanted = {"capabilities": {"add": ["NET_ADMIN"], "drop": ["NET_RAW"]}}
    assert capabilities(wanted) == DEFAULT_CAPABILITIES - {"CAP_NET_RAW"} | {"CAP_NET_ADMIN"}


def test_drop_all_leaves_only_what_is_added():
    assert capabilities({"capabilities": {"drop": ["ALL"], "add": ["NET_RAW"]}}) == {"CAP_NET_RAW"}


def test_a_capability_that_does_not_exist_is_not_handed_to_the_runtime():
    assert "CAP_FLY" not in capabilities({"capabilities": {"add": ["FLY"]}})


def test_a_user_other_than_root_holds_no_capability():
    process = oci_config(plan(security={"runAsUser": 1000}))["process"]
    assert process["user"]["uid"] == 1000
    assert process["capabilities"]["effective"] == []
    assert "CAP_NET_RAW" in process["capabilities"]["bounding"]


def test_namespaces_of_the_pod_are_joined_and_pid_is_new():
    config = oci_config(plan(namespaces={"network": Path("/run/netns/x")}))
    assert {"type": "pid"} in config["linux"]["namespaces"]
    assert {"type": "network", "path": "/run/netns/x"} in config["linux"]["namespaces"]


def test_a_volume_the_node_writes_is_mounted_read_only():
    config = oci_config(plan(mounts=[Mount(Path("/v"), "/data", read_only=True)]))
    assert "ro" in next(mount for mount in config["mounts"] if mount["destination"] == "/data")["options"]


def test_the_tty_group_is_left_out_where_only_one_id_exists():
    config = oci_config(plan(tty_group=False))
    terminals = next(mount for mount in config["mounts"] if mount["destination"] == "/dev/pts")
    assert not [option for option in terminals["options"] if option.startswith("gid=")]
