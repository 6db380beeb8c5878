"""YAML that a student writes: its objects, its lines, and what is no object."""

import pytest

from k8s_tasks.texts import TextError, read_objects

SERVICE = """# two ports
apiVersion: v1
kind: Service
metadata:
  name: web
  labels: {a.b/c: x}
spec:
  ports:
    - port: 80
      name: http
    - name: other
      port: 81
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("spec.ports[1].port", 12),
        ('.spec.ports[name="other"].foo', 11),
        ("metadata.labels[a.b/c]", 6),
        ("spec.nothing", 7),
        ("spec.ports[9]", 8),
        ("nothing", 2),
    ],
)
def test_a_field_is_found_on_its_line_or_near_it(path, line):
    assert read_objects(SERVICE)[0].line_of(path) == line


def test_values_are_plain_and_keys_are_words():
    (found,) = read_objects(
        "apiVersion: v1\nkind: A\nmetadata: {name: a}\ndata: {1: 0x10, t: true, n: null}\n"
    )
    assert found.value["data"] == {"1": 16, "t": True, "n": None}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("words", 1),
        ("a: [", 1),
        ("a: 1\na: 2\n", 2),
        ("apiVersion: v1\nkind: A\nmetadata: {}\n", 1),
        ("a: &a [*a]\n", 1),
        ("[" * 3000, 1),
        ("\x00", 0),
        ("apiVersion: v1\nkind: A\nmetadata: {name: a}\n---\n" * 21, 1),
    ],
)
def test_what_is_no_object_is_told_with_its_line(text, line):
    with pytest.raises(TextError) as caught:
        read_objects(text)
    assert caught.value.problem.line == line
