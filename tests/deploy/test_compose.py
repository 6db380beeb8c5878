"""docker-compose.yml, as far as it can be judged without Docker: structure, references, options, secrets."""

from pathlib import Path

import pytest
import yaml

from portal.options import OPTIONS

PROJECT = Path(__file__).resolve().parents[2]
KNOWN_KEYS = {
    "build", "command", "depends_on", "environment", "healthcheck", "image", "init", "ports", "restart",
    "secrets", "volumes",
}  # fmt: skip


@pytest.fixture(scope="module")
def compose() -> dict:
    return yaml.safe_load((PROJECT / "docker-compose.yml").read_text())


def test_it_holds_the_processes_of_a_local_run_and_a_database(compose):
    assert {"web", "worker-streams", "worker-verify", "watcher", "redis", "postgres"} <= compose[
        "services"
    ].keys()


def test_services_use_only_keys_that_compose_knows(compose):
    assert {key for service in compose["services"].values() for key in service} <= KNOWN_KEYS


def test_whoever_is_waited_for_exists_and_can_be_asked(compose):
    services = compose["services"]
    for service in services.values():
        for name, wanted in service.get("depends_on", {}).items():
            assert wanted["condition"] in {"service_healthy", "service_completed_successfully"}
            assert wanted["condition"] != "service_healthy" or services[name]["healthcheck"]["test"]


def test_named_volumes_and_secrets_are_declared(compose):
    for service in compose["services"].values():
        assert {volume.split(":")[0] for volume in service.get("volumes", [])} <= compose["volumes"].keys()
        assert set(service.get("secrets", [])) <= compose["secrets"].keys()


def test_the_portal_is_given_only_options_it_knows(compose):
    known = {option.name for option in OPTIONS}
    assert set(compose["services"]["web"]["environment"]) <= known


def test_secrets_come_from_the_environment(compose):
    web, postgres = (compose["services"][name]["environment"] for name in ("web", "postgres"))
    assert web["SECRET_KEY"].startswith("${SECRET_KEY:?")
    assert "${POSTGRES_PASSWORD:?" in web["DATABASE_URL"]
    assert postgres["POSTGRES_PASSWORD"].startswith("${POSTGRES_PASSWORD:?")


def test_only_the_loopback_interface_is_published(compose):
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_file_has_no_tabs():
    assert "\t" not in (PROJECT / "docker-compose.yml").read_text()


def test_the_image_copies_what_exists():
    lines = (PROJECT / "deploy/portal/Dockerfile").read_text().splitlines()
    sources = [
        word
        for line in lines
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    ]
    assert [source for source in sources if not (PROJECT / source).exists()] == []
