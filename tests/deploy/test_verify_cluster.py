"""`make verify-cluster`: what its table says, and one cluster judged from its kubeconfig alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import verify_cluster
from deploy.local.verify_cluster import BROKEN, LACKS, OK, Row, conclusion, judge_lab, read_report, table

PROJECT = Path(__file__).resolve().parents[2]
REPORT = """<testsuites><testsuite>
<testcase classname="tests.conformance.dns.test_dns" name="a"/>
<testcase classname="tests.conformance.dns.test_dns" name="b"><failure message="no"/></testcase>
<testcase classname="tests.conformance.api.test_objects" name="c"/>
</testsuite></testsuites>"""
RIGHT = {"lab": "a", "play": "solution", "right": True, "wrong": [], "broke": "", "lacks": ""}


def test_a_report_is_told_group_by_group_and_names_what_broke(tmp_path):
    (tmp_path / "report.xml").write_text(REPORT)
    found = read_report(tmp_path / "report.xml", lambda classname: classname.split(".")[2])
    assert found == {"dns": (BROKEN, "1 of 2 tests: b"), "api": (OK, "1 tests")}


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, (OK, "2 plays")),
        ({"lacks": "netem: no such queue", "right": True}, (LACKS, "netem: no such queue")),
        ({"wrong": ["x is pass, not fail"], "right": False}, (BROKEN, "solution: x is pass, not fail")),
        ({"broke": "the session is failed", "right": False}, (BROKEN, "solution: the session is failed")),
    ],
)
def test_a_lab_that_was_not_played_for_want_of_something_is_not_broken(changed, verdict):
    assert judge_lab([RIGHT | changed, RIGHT]) == verdict


def test_the_table_is_one_line_for_each_row():
    told = table([Row("labs", "a", BROKEN, "one\ntwo")])
    assert told.splitlines()[-1] == "| labs | a    | broken | one two |"


def test_the_last_sentence_tells_the_broken_from_the_lacking():
    rows = [
        Row("preflight", "netem", LACKS, "no"),
        Row("labs", "a", LACKS, "netem"),
        Row("labs", "b", BROKEN),
    ]
    assert conclusion(rows) == "BROKEN: labs b. The cluster lacks: netem."
    assert conclusion([]) == "Nothing is broken. The cluster lacks: nothing that the course asks for."


def test_what_the_preflight_found_absent_is_not_tried(monkeypatch):
    judged = verify_cluster.Verification.__new__(verify_cluster.Verification)
    judged.capabilities = {"networkpolicy": {"state": "absent", "reason": {"en": "it went through"}}}
    tried = []
    monkeypatch.setattr(judged, "_tests", lambda part, paths, group: tried.extend(paths) or iter(()))
    assert list(judged.conformance()) == [Row("conformance", "networkpolicy", LACKS, "it went through")]
    assert "dns" in {path.name for path in tried} and "networkpolicy" not in {path.name for path in tried}


def verify(**options: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(PROJECT / "deploy/local/verify_cluster.py")]
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return subprocess.run(command, env=environment | options, capture_output=True, text=True)


def test_a_kubeconfig_that_is_not_there_is_named():
    done = verify(KUBECONFIG="/nowhere/config")
    assert (done.returncode, done.stderr) == (1, "error: KUBECONFIG=/nowhere/config: there is no such file\n")


@pytest.mark.integration
@pytest.mark.timeout(400)
def test_a_cluster_is_judged_by_its_kubeconfig_alone(stack):
    done = verify(KUBECONFIG=str(stack.kubeconfig), PARTS="preflight")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| preflight | networkpolicy | ok " in done.stdout
    assert "Nothing is broken. The cluster lacks: " in done.stdout


@pytest.mark.integration
@pytest.mark.timeout(400)
def test_a_cluster_that_does_not_answer_is_broken_not_lacking(stack, tmp_path):
    silent = tmp_path / "kubeconfig"
    silent.write_text(stack.kubeconfig.read_text().replace(f":{stack.netlab_port}", ":9"))
    done = verify(KUBECONFIG=str(silent), PARTS="preflight escapes")
    assert done.returncode == 1
    assert (
        "| preflight | the cluster | broken | CommandError: cluster cluster: the Kubernetes API"
        in done.stdout
    )
