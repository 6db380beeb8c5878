"""What an author reads when the traffic in the background is wrong."""

import pytest

from curriculum.course import load_course
from curriculum.problems import CourseError
from tests import workshop

VISITOR = '{name: visitor, node: 1, protocol: http, to: "${web.ip}", port: "8080", payload: "/${word}"}'


@pytest.fixture
def write(tmp_path):
    """The workshop with this traffic, and anything else changed in its lab.yaml."""

    def write(traffic: str, old: str = "panes:", new: str = "panes:"):
        course = workshop.write_course(tmp_path)
        path = course / "01-workshop" / workshop.LAB / "lab.yaml"
        text = path.read_text().replace("panes:", f"background:\n  - {traffic}\npanes:", 1)
        assert old in text
        path.write_text(text.replace(old, new, 1))
        return course

    return write


def test_traffic_comes_from_a_pod_and_a_namespace_of_its_own(write):
    lab = load_course(write(VISITOR)).lab(workshop.LAB)
    assert lab.all_namespaces == ("world",)
    assert lab.all_pods == {"ana": "", "web": "", "visitor": "world"}


def test_conditions_and_captures_may_name_it(write):
    forth = "source: ana, target: web, protocol: icmp"
    course = write(VISITOR, forth, forth.replace("ana", "visitor"))
    assert load_course(course).lab(workshop.LAB).condition("forth").parsed.source == "visitor"


@pytest.mark.parametrize(
    ("old", "new", "key", "mend"),
    [
        ("name: visitor", "name: web", "background[0].name", "a pod has this name"),
        ("name: visitor", "name: ns", "background[0].name", "stands for something else"),
        ("protocol: http", "protocol: http, every: 0.01", "background[0].every", "the least is 0.2"),
        ("protocol: http", "protocol: udp, keep: true", "background[0].keep", "only http keeps"),
        ("${web.ip}", "${visitor.ip}", "background[0].to", "${visitor.ip} has no value"),
        ("/${word}", "/${wort}", "background[0].payload", "${wort} has no value"),
        ("panes:", "namespaces: [world]\npanes:", "namespaces[0]", "choose another key"),
        ("exec, pod: ana", "exec, pod: visitor", "steps[7].pod", "no pod 'visitor'"),
    ],
)
def test_traffic_that_does_not_fit_is_told_by_key(write, old, new, key, mend):
    with pytest.raises(CourseError) as caught:
        load_course(write(VISITOR, old, new))
    told = [(each.key, each.mend) for each in caught.value.problems]
    assert any(where == key and mend in words for where, words in told), told
