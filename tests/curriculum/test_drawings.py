"""One drawing, two languages, and nothing in it but shapes."""

from pathlib import Path

import pytest

from curriculum.drawings import load_drawings

DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" role="img">'
    '<title id="box-title">${title}</title><desc id="box-desc">${desc}</desc>'
    '<text class="d-text">${word}</text></svg>'
)
WORDS = """
box:
  title: {pt-br: Uma caixa, en: A box}
  desc: {pt-br: Um retângulo, en: A rectangle}
  caption: {pt-br: Legenda, en: Caption}
  word: {pt-br: "menor < que", en: "less < than"}
"""


@pytest.fixture
def draw(tmp_path):
    def load(drawing=DRAWING, words=WORDS):
        (tmp_path / "box.svg").write_text(drawing)
        (tmp_path / "words.yaml").write_text(words)
        problems = []
        return load_drawings(tmp_path, Path("drawings"), problems), problems

    return load


def test_a_drawing_speaks_both_languages_with_its_words_escaped(draw):
    figures, problems = draw()
    assert problems == []
    assert "Uma caixa" in figures["box"]["pt-br"] and "menor &lt; que" in figures["box"]["pt-br"]
    assert "Deslize" in figures["box"]["pt-br"] and "sideways:" in figures["box"]["en"]
    assert 'aria-label="A box"' in figures["box"]["en"] and "<figcaption>Caption" in figures["box"]["en"]


@pytest.mark.parametrize(
    ("old", "new", "mend"),
    [
        ("<text", '<script>alert(1)</script><text id="box-t"', "remove the element 'script'"),
        ("<text", '<foreignObject></foreignObject><text id="box-t"', "remove the element 'foreignObject'"),
        ('class="d-text"', 'onclick="alert(1)"', "remove the attribute 'onclick'"),
        ('class="d-text"', 'style="fill:red"', "remove the attribute 'style'"),
        ('class="d-text"', 'href="https://example.org/x"', "remove the attribute 'href'"),
        ('class="d-text"', 'id="t"', "begin the id 't' with 'box-'"),
        ('role="img"', "", 'needs viewBox and role="img"'),
        ("</svg>", "", "no valid XML"),
        ("${word}", "${wurd}", "add the word 'wurd'"),
        ("${word}", "plain", "the drawing does not use it"),
    ],
)
def test_what_does_not_belong_into_a_drawing_is_told(draw, old, new, mend):
    figures, problems = draw(drawing=DRAWING.replace(old, new))
    assert figures == {"box": {}}
    assert any(mend in problem.mend for problem in problems)


def test_a_word_that_lacks_a_language_is_told_with_its_line(draw):
    _, problems = draw(words=WORDS.replace("Uma caixa, en: A box", "Uma caixa"))
    assert [(problem.line, problem.key) for problem in problems] == [(3, "box.title")]
    assert "'en' is missing" in problems[0].mend


def test_a_drawing_without_words_is_told(draw):
    _, problems = draw(words=WORDS.replace("box:", "bax:"))
    assert "words.yaml has no 'box'" in problems[0].mend
