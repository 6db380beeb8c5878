"""What supervisord is told: read back with its own parser."""

import pytest
from supervisor.options import ServerOptions

from deploy.local.supervision import Program, portal_programs, quote, supervisor_config


@pytest.fixture
def parsed(tmp_path):
    """A function that gives supervisord's own view of some programs, by name."""

    def parse(*programs: Program) -> dict:
        folders = {name: tmp_path / name for name in ("run", "log")}
        for folder in folders.values():
            folder.mkdir()
        path = tmp_path / "supervisord.conf"
        path.write_text(supervisor_config([*programs], project=tmp_path, **folders))
        options = ServerOptions()
        options.realize(["-c", str(path)])
        return {
            process.name: process
            for group in options.process_group_configs
            for process in group.process_configs
        }

    return parse


def test_every_program_is_started_again(parsed, tmp_path):
    programs = parsed(*portal_programs(host="127.0.0.1", port=8000, project=tmp_path))
    assert set(programs) == {"web", "worker-streams", "worker-verify", "watcher"}
    assert {program.autorestart.__name__ for program in programs.values()} == {"RestartUnconditionally"}


def test_programs_die_with_the_supervisor(parsed):
    command = parsed(Program("web", ["serve"], orphan_signal="TERM"))["web"].command
    assert command.endswith("lifeline.py --signal TERM -- serve")


def test_odd_paths_stay_one_word(parsed):
    command = parsed(Program("web", ["/home/ana maria/100%/serve", "it's"]))["web"].command
    assert command.endswith("""-- '/home/ana maria/100%/serve' 'it'"'"'s'""")


def test_a_path_that_cannot_be_written_down_is_refused():
    with pytest.raises(ValueError, match="cannot be supervised"):
        quote(["/home/a;b/serve"])


def test_redis_starts_before_the_others_and_ends_after_them(tmp_path):
    text = supervisor_config(
        [Program("redis", ["redis-server"]), Program("web", ["serve"])],
        run=tmp_path,
        log=tmp_path,
        project=tmp_path,
    )
    _, _, portal = text.partition("[group:portal]")
    assert "programs = web\npriority = 20" in portal
    assert "priority = 10" in text
