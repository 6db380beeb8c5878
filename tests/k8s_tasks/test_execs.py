import pytest

from k8s_tasks.cluster.errors import ExecFailed, NotFound
from k8s_tasks.cluster.execs import default_container, run_to_end, start_process
from tests.exec_server import exec_server


async def test_output_and_exit_code_come_back(tmp_path):
    async with exec_server(tmp_path) as (api, _server):
        process = await start_process(api, "ns", "ana", ["sh", "-c", "echo out; echo err >&2; exit 7"])
        done = await run_to_end(process, seconds=5)
    assert (done.stdout, done.stderr, done.exit_code) == (b"out\n", b"err\n", 7)


async def test_words_of_the_command_reach_the_pod_as_they_are(tmp_path):
    async with exec_server(tmp_path) as (api, _server):
        process = await start_process(api, "ns", "ana", ["printf", "%s|", "a b", "ção", "&x=1"])
        done = await run_to_end(process, seconds=5)
    assert done.stdout.decode() == "a b|ção|&x=1|"


async def test_end_of_input_reaches_the_command(tmp_path):
    async with exec_server(tmp_path) as (api, _server):
        process = await start_process(api, "ns", "ana", ["cat"], stdin=True)
        await process.write(b"hello")
        await process.close_stdin()
        done = await run_to_end(process, seconds=5)
    assert done.stdout == b"hello"


async def test_version_four_servers_are_spoken_to_as_well(tmp_path):
    async with exec_server(tmp_path, protocols=["v4.channel.k8s.io"]) as (api, _server):
        process = await start_process(api, "ns", "ana", ["echo", "four"])
        assert (await run_to_end(process, seconds=5)).stdout == b"four\n"


async def test_an_act_for_a_student_is_done_as_the_student(tmp_path):
    async with exec_server(tmp_path) as (api, server):
        process = await start_process(api, "ns", "ana", ["true"], as_user="system:serviceaccount:ns:student")
        await run_to_end(process, seconds=5)
    assert server.headers[0]["Impersonate-User"] == "system:serviceaccount:ns:student"
    assert server.headers[0]["Authorization"] == "Bearer t0ken"


async def test_a_missing_pod_is_told_in_the_servers_words(tmp_path):
    async with exec_server(tmp_path) as (api, _server):
        with pytest.raises(NotFound, match='pods "nobody" not found'):
            await start_process(api, "ns", "nobody", ["true"])


async def test_in_a_pod_of_several_containers_the_first_runs_it(tmp_path):
    async with exec_server(tmp_path) as (api, server):
        process = await start_process(api, "ns", "pair", ["true"])
        await run_to_end(process, seconds=5)
    assert server.containers == ["first"]


def test_a_pod_may_name_its_default_container():
    told = {"annotations": {"kubectl.kubernetes.io/default-container": "second"}}
    assert default_container({"metadata": told, "spec": {"containers": [{"name": "first"}]}}) == "second"


async def test_a_command_that_is_not_there_is_no_exit_code(tmp_path):
    async with exec_server(tmp_path) as (api, _server):
        process = await start_process(api, "ns", "ana", ["no-such-command"])
        with pytest.raises(ExecFailed, match="executable file not found"):
            await run_to_end(process, seconds=5)


async def test_a_command_that_writes_too_much_is_refused(tmp_path):
    async with exec_server(tmp_path) as (api, _server):
        process = await start_process(api, "ns", "ana", ["head", "-c", "300000", "/dev/zero"])
        with pytest.raises(ExecFailed, match="more than 100000 bytes"):
            await run_to_end(process, seconds=5, limit=100_000)


async def test_little_of_a_terminal_is_taken_before_it_is_read(tmp_path):
    async with exec_server(tmp_path) as (api, server):
        process = await start_process(api, "ns", "ana", ["yes"], stdin=True, tty=True)
        taken = 0
        async for _source, data in process.output():
            taken += len(data)
            if taken > 5_000_000:
                break
        assert await server.standstill() - taken < 400_000
        await process.close()


async def test_a_terminal_loses_nothing_while_it_is_held_back(tmp_path):
    async with exec_server(tmp_path) as (api, server):
        process = await start_process(api, "ns", "ana", ["seq", "300000"], stdin=True, tty=True)
        printed = b""
        async for _source, data in process.output():
            if not printed:
                await server.standstill()
            printed += data
    assert printed.split() == [b"%d" % number for number in range(1, 300_001)]
