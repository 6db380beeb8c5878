"""What an author reads when a step that applies, looks or impairs is wrong."""

import pytest

from curriculum.course import load_course
from curriculum.problems import CourseError
from tests import workshop


@pytest.fixture
def course(tmp_path):
    return workshop.write_course(tmp_path)


def problems(course, old: str, new: str, file="lab.yaml") -> list:
    path = course / "01-workshop" / workshop.LAB / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(CourseError) as caught:
        load_course(course)
    return [(each.key, each.mend) for each in caught.value.problems]


def test_the_workshop_has_no_problem(course):
    assert len(load_course(course).lab(workshop.LAB).objects) == 3


@pytest.mark.parametrize(
    ("old", "new", "key", "mend"),
    [
        ("manifest: deny, pane", "manifest: dany, pane", "steps[0].manifest", "no file in objects/ 'dany'"),
        ("kind: apply, manifest: deny, pane", "kind: apply, pane", "steps[0]", "needs 'manifest'"),
        ("kind: node, node: 0, pane", "kind: node, pane", "steps[4]", "needs 'node'"),
        ("kind: node, node: 0, pane", "kind: node, node: 3, pane", "steps[4].node", "the most is 2"),
        ("kind: capture, pod: web", "kind: capture", "steps[6]", "needs 'pod'"),
        ("{loss: 100}", "{los: 100}", "steps[8].effects.los", "did you mean 'loss'?"),
        ("{loss: 100}", "{loss: 101}", "steps[8].effects.loss", "the most is 100"),
        ("{loss: 100}", "{loss: much}", "steps[8].effects.loss", "write a number"),
        ("{loss: 100}", "{jitter: 5}", "steps[8].effects", "jitter is greater than delay"),
        ("{loss: 100}", "{reorder: 5}", "steps[8].effects", "reorder needs a delay"),
        ("{loss: 100}", "{loss: 100}, mtu: '900'", "steps[8].effects", "not both"),
        ("kind: exec, pod", "kind: exec, mtu: '900', pod", "steps[7].mtu", "only a step of kind impair"),
        ("{loss: 100}", "{delay: 5}", "steps[8].effects", "add delay to requires"),
        ("{loss: 100}", "{duplicate: 5}", "steps[8].effects", "add netem to requires"),
        ("kind: exec, pod", "kind: exec, remove: true, pod", "steps[7].remove", "only a step of kind apply"),
        ("addon: kube-proxy, node", "node", "steps[13]", "needs 'addon'"),
        ("addon: kube-proxy", "addon: kube-prxy", "steps[13].addon", "kube-proxy"),
        ("${namespace}/", "default/", "steps[13]", "name something of this session"),
        ("${namespace}/", "${namespaze}/", "steps[13].only", "{namespaze} has no value"),
        ("addon: kube-proxy, node: 2", "addon: kube-proxy", "steps[13]", "give 'node' and no 'argv'"),
        ("only: ", "argv: [id, '${word}'], only: ", "steps[13].only", "a command filters itself"),
        ("addon: kube-proxy, node: 2", "addon: ingress-controller", "steps[13]", "add ingress to requires"),
        ("kind: exec, pod", "kind: exec, only: x, pod", "steps[7].only", "only a step of kind addon"),
        ("kind: exec, pod", "kind: proxy, mode: ipvs, pod", "steps[7]", "say scope: exclusive"),
        ("kind: exec, pod", "kind: proxy, pod", "steps[7]", "needs 'mode'"),
        ("kind: exec, pod", "kind: exec, mode: ipvs, pod", "steps[7].mode", "only a step of kind proxy"),
        ("kind: exec, pod", "kind: exec, needs: [ipfs], pod", "steps[7].needs[0]", "ipvs"),
        (
            '"${web.ip}", "8080"]',
            '"${nodes.worker3}", "8080"]',
            "steps[4].argv[5]",
            "${nodes.worker3} has no value",
        ),
    ],
)
def test_a_step_that_does_not_fit_is_told_by_key(course, old, new, key, mend):
    told = problems(course, old, new)
    assert any(where == key and mend in words for where, words in told), told


@pytest.mark.parametrize(
    ("old", "new", "mend"),
    [
        ("${word}", "${wort}", "'wort' has no value"),
        ("metadata:\n", "metadata: [\n", "cannot be read"),
        ("kind: NetworkPolicy\n", "", "needs apiVersion, kind and metadata"),
        ("  name: deny\n", "", "has no metadata.name"),
        ("spec:\n", "spec:\n  nodePort: 30000\n", "a literal nodePort is one session's only"),
    ],
)
def test_objects_that_are_none_are_told(course, old, new, mend):
    told = problems(course, old, new, file="objects/deny.yaml")
    assert any("objects/deny.yaml" in words and mend in words for _, words in told), told


def test_objects_that_no_step_uses_are_told(course):
    told = problems(course, "manifest: overstep", "manifest: deny")
    assert told == [("steps", "no step uses objects/overstep.yaml; name it in one or remove it")]


def test_a_live_capture_in_a_play_says_what_it_waits_for(course):
    told = problems(course, ", until: listening on", "", file="solution.yaml")
    assert "does not end by itself" in told[0][1]
