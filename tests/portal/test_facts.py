import pytest
from django.utils import translation

from portal.templatetags.facts import at, facts, matrix_grid, share_scale, spelled


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


def test_a_key_held_in_a_variable_finds_its_value():
    assert at({"lab": 3}, "lab") == 3
    assert at({}, "lab") is None
    assert at(None, "lab") is None


def test_evidence_becomes_names_and_words_in_its_own_order():
    evidence = {"pairs": 2, "reply": {"ttl": 62, "from": "10.244.2.2"}, "client": ["10.244.1.2", 40212]}
    assert facts(evidence) == [
        ("pairs", "2"),
        ("reply · TTL", "62"),
        ("reply · from", "10.244.2.2"),
        ("client", "10.244.1.2, 40212"),
    ]


def test_a_list_of_packets_has_a_line_for_each_also_for_a_missing_one():
    assert facts({"stages": [{"ttl": 64, "seq": 1}, None]}) == [
        ("way · 1", "ttl=64  seq=1"),
        ("way · 2", "–"),
    ]


def test_the_time_of_a_packet_is_told_as_a_time():
    assert facts({"request": {"at": 1.5}}) == [("request · at", "00:00:01.500000 UTC")]
    assert facts({"stages": [{"at": 1.5}]}) == [("way · 1", "at=00:00:01.500000 UTC")]


def test_evidence_speaks_the_readers_language_and_leaves_names_alone():
    with translation.override("pt-br"):
        told = facts({"hits": 3, "counts": {"web1": 2}, "lost_at": 1.5})
    assert told == [
        ("acertos", "3"),
        ("pedidos atendidos por · web1", "2"),
        ("perdido às", "00:00:01.500000 UTC"),
    ]


def test_no_evidence_is_no_facts():
    assert facts(None) == []
    assert facts({"note": ""}) == []


def test_a_command_is_spelled_as_typed_in_a_shell():
    assert spelled(["sh", "-c", "echo hi"]) == "sh -c 'echo hi'"


def test_a_share_is_drawn_with_points_whatever_the_readers_language():
    evidence = {"hits": 105, "samples": 350, "interval": [0.25, 0.35], "right": 0.3, "wrong": 0.2}
    with translation.override("pt-br"):
        scale = share_scale(evidence)
    told = scale["share"], scale["low"], scale["width"], scale["wrong_text"]
    assert told == (
        "100.0",
        "85.0",
        "30.0",
        "20 %",
    )


def test_a_matrix_has_the_same_order_down_and_across():
    told = {"wire": "dropped", "verdict": "pass", "wanted": False}
    grid = matrix_grid({"b": {"a": told, "z": told}, "a": {"b": told, "z": told}})
    assert grid["targets"] == ["b", "a", "z"]
    assert [cell and cell["sign"] for cell in grid["rows"][0]["cells"]] == [None, "⊘", "⊘"]


def test_a_matrix_is_not_told_twice():
    assert facts({"matrix": {"a": {}}, "mark": "m"}) == [("mark", "m")]
