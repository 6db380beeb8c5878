"""A line of four words is a point, and nothing else is."""

import pytest

from curriculum.plots import LONGEST_LINE, MOST_POINTS, Plot, points_in, rows_of
from curriculum.text import Text

WORDS = Text({"pt-br": "vazão", "en": "throughput"})


def plot(scale="linear") -> Plot:
    return Plot(title=WORDS, x=WORDS, y=WORDS, scale=scale, lines={"measured": WORDS, "bound": WORDS})


def test_a_line_of_four_words_is_a_point():
    output = "cubic to 10.244.1.2:5000\nrtt measured 40.3 6.51\nrtt bound 40.3 6.6\nrtt measured 80 3\n"
    assert points_in(output, "rtt", plot()) == {"measured": [(40.3, 6.51), (80, 3)], "bound": [(40.3, 6.6)]}


@pytest.mark.parametrize(
    "line",
    [
        "loss measured 1 2",
        "rtt others 1 2",
        "rtt measured 1",
        "rtt measured 1 2 3",
        "rtt measured one 2",
        "rtt measured nan 2",
        "rtt measured 1 inf",
        "rtt measured 1 2" + " " * LONGEST_LINE,
    ],
)
def test_what_else_is_printed_is_none(line):
    assert not any(points_in(line, "rtt", plot()).values())


def test_a_logarithmic_axis_has_no_zero():
    assert points_in("rtt measured 0 2\nrtt measured 1 2", "rtt", plot("log"))["measured"] == [(1, 2)]


def test_the_table_holds_the_points_of_all_outputs_by_x():
    rows = rows_of(["rtt measured 80 3\nrtt bound 80 3.2", "rtt measured 20 12"], "rtt", plot())
    assert [(row.x, row.values) for row in rows] == [(20, (12, None)), (80, (3, 3.2))]


def test_of_two_points_at_one_place_the_later_one_counts():
    (row,) = rows_of(["rtt measured 80 3", "rtt measured 80 4"], "rtt", plot())
    assert row.values == (4, None)


def test_a_flood_of_points_ends():
    flood = "\n".join(f"rtt measured {x} 1" for x in range(MOST_POINTS + 10))
    assert len(rows_of([flood], "rtt", plot())) == MOST_POINTS
