"""Values of an attempt, and how they get into commands."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from curriculum.course import get_course
from curriculum.parameters import (
    SubstitutionError,
    draw_parameters,
    fill_prose,
    render_argv,
    spell_argv,
    substitute,
)

VALUES = {"port": 9123, "nonce": "redes-abc234", "carla": {"ip": "10.244.2.5"}, "beto.ip": "10.244.1.6"}


def test_values_come_by_name_nested_or_dotted():
    assert (
        substitute("${carla.ip}:${port} $nonce ${beto.ip}", VALUES)
        == "10.244.2.5:9123 redes-abc234 10.244.1.6"
    )


def test_two_dollars_are_one():
    assert substitute("$$1", VALUES) == "$1"


@pytest.mark.parametrize("template", ["${carlo.ip}", "${carla.mac}", "${carla.ip.x}", "$missing"])
def test_an_unknown_name_is_an_error(template):
    with pytest.raises(SubstitutionError, match="has no value"):
        substitute(template, VALUES)


@pytest.mark.parametrize("template", ["$", "${}", "${carla.}", "${Carla ip}", "cost: 5$"])
def test_what_is_no_template_is_an_error(template):
    with pytest.raises(SubstitutionError, match="is no template"):
        substitute(template, VALUES)


def test_a_command_is_rendered_word_by_word(lab):
    assert render_argv(lab.step("ping-across"), VALUES) == ["ping", "10.244.2.5"]
    assert spell_argv(render_argv(lab.step("send"), VALUES)) == (
        "sh -c 'echo redes-abc234 | nc -nvN 10.244.2.5 9123'"
    )


@pytest.mark.parametrize("hostile", ["x; reboot", "$(id)", "a b", "", "x\ny", "`id`", "'"])
def test_a_value_that_a_shell_would_take_apart_is_refused(lab, hostile):
    with pytest.raises(SubstitutionError, match="no plain word"):
        render_argv(lab.step("send"), VALUES | {"nonce": hostile})


def test_a_seed_gives_the_same_values_for_ever(lab):
    assert draw_parameters(lab, 7) == {"nonce": "redes-7dez6c", "port": 9326}


@given(seed=some.integers(0, 2**63 - 1))
def test_every_seed_gives_values_in_range(seed):
    values = draw_parameters(get_course().lab("ping-and-netcat"), seed)
    assert 9000 <= values["port"] <= 9899
    assert len(values["nonce"]) == 12 and values["nonce"].startswith("redes-")


def test_prose_shows_the_students_own_values_and_a_gap_for_what_is_not_known():
    filled = fill_prose("<code>${port}</code> of ${web.ip} costs $5", {"port": "<b>"})
    assert filled == "<code>&lt;b&gt;</code> of … costs $5"
