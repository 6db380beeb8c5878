"""What an author reads when a file is wrong: file, line, key and mend."""

import pytest

from tests.curriculum.conftest import LAB

ASKED = 'prediction: {choices: ["64", "63", "62", "61"], right: "62"}'


def test_the_course_as_it_is_has_no_problem(folder):
    assert folder.problems() == []


@pytest.mark.parametrize(
    ("old", "new", "key", "mend"),
    [
        ("minutes: 20", "minuts: 20", "minuts", "did you mean 'minutes'?"),
        ("minutes: 20", "minutes: soon", "minutes", "write a whole number"),
        ("minutes: 20", "requires: [netem, teleport]", "requires[1]", "choose one of netem, delay"),
        ("minutes: 20", "minutes: 2", "minutes", "the least is 5"),
        ("minutes: 20", "minutes: 200", "minutes", "the most is 60"),
        ('number: "1.2"', "number: 1.2", "number", "put it in quotes"),
        ("  - key: routes", "  - key: Routes!", "steps[1].key", "does not match"),
        ("    kind: exec", "    kind: exek", "steps[0].kind", "choose one of read, exec"),
        ("pods:\n", "pods: []\nxpods:\n", "pods", "give at least 1"),
        ("{kind: number,", "{kind: number, seed: 1,", "parameters.port.seed", "'seed' is not known"),
        ("  - key: routes", "  - kee: routes", "steps[1].kee", "did you mean 'key'?"),
        ("shows: payload", "shows: payloads", "conditions[4].settings.shows", "choose one of echo-pair"),
        ("protocol: icmp", "protokol: icmp", "conditions[0].settings.protokol", "did you mean 'protocol'?"),
        ("  nonce: {", "  No nce: {", "parameters.No nce", "small letters"),
    ],
)
def test_a_file_that_breaks_the_schema_is_told_by_line_and_key(folder, old, new, key, mend):
    line = folder.change("lab.yaml", old, new)
    problem = next(problem for problem in folder.problems() if problem.key == key)
    assert str(problem.file) == f"{LAB}/lab.yaml"
    assert problem.line == line
    assert mend in problem.mend


@pytest.mark.parametrize(
    ("old", "new", "key", "mend"),
    [
        (
            "    pane: capture",
            "    pane: captur",
            "steps[3].pane",
            "known are ana, ping, nc, capture",
        ),
        ("    pod: carla", "    pod: carlos", "steps[3].pod", "there is no pod 'carlos'"),
        (
            "    before: predict-ttl",
            "    before: routes",
            "steps[5].before",
            "no earlier prediction",
        ),
        ('"${beto.ip}"', '"${beto.mac}"', "steps[4].argv[3]", "${beto.mac} has no value"),
        ('"${beto.ip}"', '"$$(id) $"', "steps[4].argv[3]", "write '$$' for a dollar sign"),
        ("    argv: [ip, route]\n", "", "steps[1]", "needs 'argv'"),
        (f"    {ASKED}\n", "", "steps[2]", "needs 'prediction'"),
        ("lowest: 9000", "lowest: 9899", "parameters.port", "lowest must be below highest"),
        ("step: answer-ttl,", "step: routes,", "conditions[2].settings.step", "no answer step 'routes'"),
        ("source: ana, target", "source: eva, target", "conditions[0].settings.source", "no pod 'eva'"),
        (
            'payload: "${nonce}"',
            'payload: "${word}"',
            "conditions[3].settings.payload",
            "${word} has no value",
        ),
    ],
)
def test_parts_that_do_not_fit_are_told_by_line_and_key(folder, old, new, key, mend):
    folder.change("lab.yaml", old, new)
    problem = next(problem for problem in folder.problems() if problem.key == key)
    assert problem.file.name == "lab.yaml" and problem.line > 1
    assert mend in problem.mend


def test_several_problems_are_told_at_once(folder):
    folder.change("lab.yaml", "minutes: 20", "minutes: 2")
    folder.change("lab.yaml", "panes: [", "painels: [")
    folder.change("en.md", "## intro", "## introduction")
    assert len(folder.problems()) >= 3


def test_a_second_step_of_the_same_name_is_told(folder):
    folder.change("lab.yaml", "key: routes", "key: addresses")
    assert any("'addresses' is here twice" in problem.mend for problem in folder.problems())


def test_a_title_that_would_show_its_marks_is_told(folder):
    line = folder.change("en.md", "## step routes: ", "## step routes: `ip` ")
    assert any(
        problem.line == line and "leave out the marks" in problem.mend for problem in folder.problems()
    )


def test_broken_yaml_is_told_with_its_line(folder):
    line = folder.change("lab.yaml", "panes: [ana", "panes: [[ana")
    problem = next(problem for problem in folder.problems() if "no valid YAML" in problem.mend)
    assert line <= problem.line <= line + 1


def test_a_key_written_twice_is_told(folder):
    folder.change("lab.yaml", "minutes: 20", "minutes: 20\nminutes: 30")
    assert any("minutes" in problem.mend for problem in folder.problems())


def test_an_empty_file_is_told(folder):
    folder.path("lab.yaml").write_text("")
    assert any("write a mapping" in problem.mend for problem in folder.problems())


@pytest.mark.parametrize("name", ["en.md", "pt-br.md", "solution.yaml"])
def test_a_missing_file_is_told(folder, name):
    folder.path(name).unlink()
    assert any(problem.file.name == name and "missing" in problem.mend for problem in folder.problems())


def test_a_step_without_words_in_one_language_is_told(folder):
    folder.change("en.md", "## step routes:", "## step rutes:")
    told = {problem.mend for problem in folder.problems()}
    assert "the section '## step routes: ...' is missing; write it" in told
    assert any("lab.yaml has no 'step rutes: ...'" in mend for mend in told)


def test_languages_with_different_hints_are_told(folder):
    folder.change("en.md", "### hint\n", "")
    assert "write as many" in folder.only_problem().mend


def test_text_that_would_never_be_shown_is_told(folder):
    line = folder.change("en.md", "## intro", "Lost words.\n\n## Intro\n\n## intro") + 2
    lost, stray = folder.problems()
    assert "before the first heading" in lost.mend
    assert stray.line == line and "no heading of a lab" in stray.mend


def test_a_section_written_twice_is_told(folder):
    folder.change("en.md", "## debrief", "## intro\n\n## debrief")
    assert "here twice" in folder.only_problem().mend


def test_a_link_to_no_lab_and_a_drawing_that_is_missing_are_told(folder):
    folder.change("en.md", "## debrief\n", "## debrief\n\n[go](lab:nowhere)\n\n![[drawing:nothing]]\n")
    assert [problem.mend[:25] for problem in folder.problems()] == [
        "there is no lab 'nowhere'",
        "there is no drawing 'noth",
    ]


def test_pods_that_no_manifest_makes_are_told(folder):
    folder.change("manifests/pods.yaml", "name: beto", "name: bete")
    told = [problem.mend for problem in folder.problems()]
    assert len(told) == 2 and "pod 'bete'" in told[0] and "pod 'beto'" in told[1]


def test_a_manifest_that_asks_for_an_unknown_value_is_told(folder):
    folder.change("manifests/pods.yaml", "${ana.node}", "${ana.rack}")
    assert "'ana.rack' has no value" in folder.only_problem().mend


def test_a_pod_whose_address_its_own_file_asks_for_is_told(folder):
    folder.change("manifests/pods.yaml", "${ana.node}", "${ana.ip}")
    assert "pod 'ana' has an address only when it runs" in folder.only_problem().mend


def test_rights_beyond_the_namespaces_want_a_cluster_of_its_own(folder):
    folder.change("lab.yaml", "pods:", "rights: [balancer]\npods:")
    assert "add scope: exclusive" in folder.only_problem().mend


def test_an_intro_is_read_before_the_cluster_has_decided_anything(folder):
    folder.change("en.md", "## intro\n", "## intro\n\nana is at ${ana.ip}.\n")
    assert "${ana.ip} in the intro or debrief" in folder.only_problem().mend


def test_a_mutant_that_fails_nothing_is_told(folder):
    folder.change("mutants/wrong-ttl.yaml", "fails:\n  ttl-answer: with another TTL\n", "")
    assert "name the conditions this mutant must fail" in folder.only_problem().mend


def test_a_lab_needs_three_mutants(folder):
    for mutant in sorted(folder.path("mutants").iterdir())[2:]:
        mutant.unlink()
    assert "write at least 3" in folder.only_problem().mend


def test_an_act_without_an_end_is_told(folder):
    folder.change("solution.yaml", ", until: listening on eth0", "")
    problem = folder.only_problem()
    assert problem.key == "acts[1]" and "'until'" in problem.mend


def test_a_planned_lab_may_not_take_a_written_labs_number(folder):
    chapter = folder.root / "01-foundations" / "chapter.yaml"
    words = "{pt-br: x, en: x}"
    planned = f'planned:\n  - {{number: "1.2", title: {words}, summary: {words}}}\n'
    chapter.write_text(chapter.read_text().partition("planned:")[0] + planned)
    assert "number is taken" in folder.only_problem().mend


def test_a_folder_without_chapters_is_told(folder):
    (folder.root / "01-foundations").rename(folder.root / "foundations")
    assert "there is no chapter" in folder.only_problem().mend
