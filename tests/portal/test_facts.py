from portal.templatetags.facts import at, facts, spelled


def test_a_key_held_in_a_variable_finds_its_value():
    assert at({"lab": 3}, "lab") == 3
    assert at({}, "lab") is None
    assert at(None, "lab") is None


def test_evidence_becomes_names_and_words_in_its_own_order():
    evidence = {"pairs": 2, "reply": {"ttl": 62, "from": "10.244.2.2"}, "client": ["10.244.1.2", 40212]}
    assert facts(evidence) == [
        ("pairs", "2"),
        ("reply ttl", "62"),
        ("reply from", "10.244.2.2"),
        ("client", "10.244.1.2, 40212"),
    ]


def test_a_list_of_packets_has_a_line_for_each_also_for_a_missing_one():
    assert facts({"stages": [{"ttl": 64, "seq": 1}, None]}) == [
        ("stages 1", "ttl=64  seq=1"),
        ("stages 2", "–"),
    ]


def test_the_time_of_a_packet_is_told_as_a_time():
    assert facts({"request": {"at": 1.5}}) == [("request at", "00:00:01.500000 UTC")]
    assert facts({"stages": [{"at": 1.5}]}) == [("stages 1", "at=00:00:01.500000 UTC")]


def test_no_evidence_is_no_facts():
    assert facts(None) == []
    assert facts({"note": ""}) == []


def test_a_command_is_spelled_as_typed_in_a_shell():
    assert spelled(["sh", "-c", "echo hi"]) == "sh -c 'echo hi'"
