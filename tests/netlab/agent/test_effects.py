import pytest

from netlab.agent.effects import Effects, Misuse, read_address, read_direction, read_effects, read_mtu


def test_effects_are_read_and_written_as_the_same_words():
    words = ["loss=30", "delay=50", "jitter=2.5", "reorder=25", "rate=1000"]
    assert sorted(read_effects(words).words()) == sorted(words)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "nothing to do"),
        (["loss=101"], "0 to 100"),
        (["loss=nan"], "0 to 100"),
        (["loss=-1"], "0 to 100"),
        (["loss=3;id"], "must be a number"),
        (["delay=10001"], "0 to 10000"),
        (["rate=1"], "8 to 1e+07"),
        (["colour=red"], "none of"),
        (["loss=1", "loss=2"], "twice"),
        (["delay=5", "jitter=6"], "greater than delay"),
        (["reorder=5"], "needs a delay"),
    ],
)
def test_what_is_out_of_bounds_is_refused_with_the_reason(words, why):
    with pytest.raises(Misuse, match=why.replace("+", r"\+")):
        read_effects(words)


@pytest.mark.parametrize("word", ["10.244.1", "10.244.1.2/24", "::1", "-j", "10.244.1.2 -j"])
def test_only_an_address_is_an_address(word):
    with pytest.raises(Misuse):
        read_address(word)


def test_other_directions_and_sizes_are_refused():
    for read, word in ((read_direction, "both"), (read_mtu, "67"), (read_mtu, "9001"), (read_mtu, "1e3")):
        with pytest.raises(Misuse):
            read(word)


def test_nothing_given_is_no_effect():
    assert Effects().given == {}
