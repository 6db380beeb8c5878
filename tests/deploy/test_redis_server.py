"""A Redis is found, checked for its age, and started where nobody else can reach it."""

import pytest
import redis

from deploy.local import redis_server


def fake_server(folder, version: str):
    path = folder / "redis-server"
    path.write_text(
        f"#!/bin/sh\necho 'Redis server v={version} sha=00000000:0 malloc=libc bits=64 build=0'\n"
    )
    path.chmod(0o755)
    return path


def test_a_server_on_the_path_comes_first(tmp_path, monkeypatch):
    own = fake_server(tmp_path, "7.2.4")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert redis_server.find_redis() == own


def test_a_server_that_is_too_old_is_passed_over(tmp_path, monkeypatch):
    old = fake_server(tmp_path, "6.0.16")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert redis_server.find_redis() != old


def test_without_any_server_the_message_says_what_helps(tmp_path, monkeypatch):
    old = fake_server(tmp_path, "6.0.16")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(redis_server, "WHEELS", ())
    with pytest.raises(redis_server.NoRedis, match=rf"{old} is 6\.0\.16.*Set REDIS_URL"):
        redis_server.find_redis()


@pytest.mark.parametrize("said", ["hello", ""])
def test_what_is_no_redis_has_no_version(tmp_path, said):
    path = tmp_path / "redis-server"
    path.write_text(f"#!/bin/sh\necho {said}\n")
    path.chmod(0o755)
    assert redis_server.version_of(path) == ()


@pytest.mark.integration
def test_the_server_has_no_port_and_keeps_what_it_was_given(redis_url):
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        settings = client.config_get("*")
    assert settings["port"] == "0"
    assert settings["unixsocketperm"] == "700"
    assert settings["appendonly"] == "yes"
    assert settings["maxmemory-policy"] == "noeviction"
