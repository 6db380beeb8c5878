"""docker-compose.yml, as far as it can be judged without Docker: the schema, references, options, secrets."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from portal.options import OPTIONS

PROJECT = Path(__file__).resolve().parents[2]
FILES = [PROJECT / "docker-compose.yml", PROJECT / "docker-compose.kind.yml"]
PORTAL = {"migrate", "web", "worker-streams", "worker-verify", "watcher"}
FOR_A_MOMENT = {"secrets", "migrate"}


@pytest.fixture(scope="module")
def compose() -> dict:
    return yaml.safe_load(FILES[0].read_text())


def test_both_files_are_what_compose_reads():
    command = [str(Path(sys.prefix) / "bin/check-jsonschema"), "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, *map(str, FILES)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_it_holds_the_processes_of_a_local_run_and_a_database(compose):
    assert compose["services"].keys() == PORTAL | {"secrets", "redis", "postgres"}


def test_it_starts_without_anything_in_the_environment():
    assert ":?" not in FILES[0].read_text()


def test_whoever_is_waited_for_exists_and_can_be_asked(compose):
    services = compose["services"]
    for service in services.values():
        for name, wanted in service.get("depends_on", {}).items():
            assert wanted["condition"] in {"service_healthy", "service_completed_successfully"}
            assert wanted["condition"] != "service_healthy" or services[name]["healthcheck"]["test"]


def test_who_stays_has_a_health_check_and_everybody_limits(compose):
    for name, service in compose["services"].items():
        assert name in FOR_A_MOMENT or service["healthcheck"]["test"], name
        assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}, name


def test_nobody_writes_into_an_image_or_gains_rights(compose):
    for name, service in compose["services"].items():
        assert service["read_only"] and service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_only_the_maker_of_the_secrets_is_root_and_it_has_no_network(compose):
    roots = {name for name, service in compose["services"].items() if service.get("user") == "0:0"}
    assert roots == {"secrets"}
    assert compose["services"]["secrets"]["network_mode"] == "none"


def test_the_image_is_built_once_and_never_asked_of_a_registry(compose):
    services = compose["services"]
    assert {name for name in services if "build" in services[name]} == {"secrets"}
    assert {services[name]["image"] for name in PORTAL} == {services["secrets"]["image"]}
    assert {services[name]["pull_policy"] for name in PORTAL} == {"never"}


def test_the_database_is_well_once_it_answers_by_tcp(compose):
    """While its image makes the database, a server that only listens at the socket answers for a moment."""
    assert compose["services"]["postgres"]["healthcheck"]["test"][:3] == ["CMD", "pg_isready", "-h"]


def test_named_volumes_and_networks_are_declared(compose):
    for service in compose["services"].values():
        named = {volume.split(":")[0] for volume in service.get("volumes", []) if volume[0] != "."}
        assert named <= compose["volumes"].keys()
        assert set(service.get("networks", [])) <= compose["networks"].keys()
    assert compose["networks"]["back"] == {"internal": True}


def test_the_portal_is_given_only_options_it_knows(compose):
    known = {option.name for option in OPTIONS}
    assert {name.removesuffix("_FILE") for name in compose["services"]["web"]["environment"]} <= known


def test_secrets_are_files(compose):
    web, postgres = (compose["services"][name]["environment"] for name in ("web", "postgres"))
    assert {"SECRET_KEY_FILE", "DATABASE_URL_FILE"} <= web.keys()
    assert "SECRET_KEY" not in web and "POSTGRES_PASSWORD" not in postgres
    assert postgres["POSTGRES_PASSWORD_FILE"] == "/run/database/password"


def test_only_the_loopback_interface_is_published(compose):
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_beside_kind_all_of_the_portal_joins_its_network():
    beside = yaml.safe_load(FILES[1].read_text())
    assert beside["services"].keys() == PORTAL
    assert all("kind" in service["networks"] for service in beside["services"].values())
    assert beside["networks"]["kind"] == {"external": True}


@pytest.fixture
def making(tmp_path, monkeypatch):
    """`making()`: deploy/compose/make_secrets.py on folders of the test; what it kept, by name."""
    made = runpy.run_path(str(PROJECT / "deploy/compose/make_secrets.py"))
    places = {name: tmp_path / name for name in ("PORTAL", "DATABASE", "GIVEN")}
    for name, path in places.items():
        path.mkdir()
        monkeypatch.setitem(made["main"].__globals__, name, path)
    monkeypatch.setattr("os.chown", lambda *_: None)
    monkeypatch.delenv("SECRET_KEY", raising=False)

    def make() -> dict[str, str]:
        made["main"]()
        return {
            path.name: path.read_text() for name in ("PORTAL", "DATABASE") for path in places[name].iterdir()
        }

    make.given = places["GIVEN"] / "kubeconfig"
    return make


def test_secrets_are_made_once_and_kept(making):
    first = making()
    assert len(first["secret_key"]) > 50
    assert first["database_url"] == f"postgresql://redes:{first['password']}@postgres:5432/redes"
    assert making() == first


def test_a_secret_that_is_given_is_taken_on_the_first_start(making, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "of the operator")
    assert making()["secret_key"] == "of the operator"
    monkeypatch.setenv("SECRET_KEY", "another")
    assert making()["secret_key"] == "of the operator"


def test_the_kubeconfig_follows_what_is_given(making):
    making.given.write_text("one")
    assert making()["kubeconfig"] == "one"
    making.given.write_text("two")
    assert making()["kubeconfig"] == "two"
    making.given.unlink()
    assert "kubeconfig" not in making()


def test_the_backup_that_is_told_keeps_the_files_that_the_containers_read(compose):
    told = (PROJECT / "docs/operations.md").read_text()
    asked = compose["services"]["postgres"]["environment"]
    assert f"pg_dump -U {asked['POSTGRES_USER']} --format=custom --no-owner {asked['POSTGRES_DB']}" in told
    assert f"cat {compose['services']['web']['environment']['SECRET_KEY_FILE']} > secret_key" in told
    assert "cat /var/lib/redes/evidence_key.pem > evidence_key.pem" in told
