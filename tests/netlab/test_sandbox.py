import os
import struct

from netlab import sandbox, seccomp
from netlab.linux import CLONE_NEWPID


def test_a_free_base_lies_outside_every_taken_range():
    first = sandbox._free_base([])
    assert sandbox._free_base([(first + 100, 10)]) == first + sandbox.IDS


def test_the_largest_range_of_a_user_is_chosen(tmp_path):
    table = tmp_path / "subuid"
    table.write_text("other:1:2\n4242:100000:1000\n4242:200000:65536\nbroken line\n")
    assert sandbox._own_range(str(table), 4242) == (200000, 65536)


def test_inside_we_are_root_and_process_one():
    def inside() -> int:
        return 7 if (os.getuid(), os.getpid()) == (0, 1) else 1

    keeper = sandbox.start(inside, sandbox.choose_idmap(), namespaces=CLONE_NEWPID)
    assert os.waitstatus_to_exitcode(os.waitpid(keeper, 0)[1]) == 7


def test_a_private_directory_on_the_way_is_opened(tmp_path):
    secret = tmp_path / "home" / "project"
    secret.mkdir(parents=True)
    (secret / "file").write_text("here")
    (tmp_path / "home").chmod(0o700)

    def inside() -> int:
        return 0 if (secret / "file").read_text() == "here" else 1

    keeper = sandbox.start(inside, sandbox.choose_idmap(), namespaces=CLONE_NEWPID, needs=[secret])
    assert os.waitpid(keeper, 0)[1] == 0


def test_each_check_of_the_filter_jumps_to_the_pretended_success():
    program = seccomp._program("x86_64")
    answer = len(program) - 1
    jumps = [
        index + 1 + jump for index, (code, jump, _, _) in enumerate(program) if code == 0x15 and index > 1
    ]
    assert set(jumps) == {answer}
    assert struct.calcsize("HBBI") == 8


def test_the_filter_lets_an_identity_change_pass_and_leaves_the_identity():
    def inside() -> int:
        seccomp.pretend_identity_changes()
        os.setgroups([4711])
        os.setuid(4711)
        return 0 if os.getuid() == 0 else 1

    keeper = sandbox.start(inside, sandbox.choose_idmap(), namespaces=CLONE_NEWPID)
    assert os.waitpid(keeper, 0)[1] == 0
