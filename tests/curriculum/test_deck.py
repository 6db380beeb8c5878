"""A deck: one fault of several is dealt to each attempt."""

import shutil

import pytest

from curriculum.course import CONTENT, get_course, load_course
from curriculum.domain import start_attempt
from curriculum.parameters import card_of, draw_parameters, settle
from curriculum.problems import CourseError
from k8s_tasks.plays import plays_of
from k8s_tasks.recording import seed_of

DECK = "05-observability/fault-deck"
VALUES = {"rung", "fault", "evidence", "syn"}


@pytest.fixture
def deck():
    return get_course().lab("fault-deck")


@pytest.fixture
def problems_after(tmp_path):
    """The linter's words after one change in the deck's folder."""
    shutil.copytree(CONTENT / "05-observability", tmp_path / "05-observability")

    def change(name: str, old: str, new: str) -> str:
        file = tmp_path / DECK / name
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))
        try:
            load_course(tmp_path)
        except CourseError as error:
            return str(error)
        return ""

    return change


class TestDealing:
    def test_a_seed_deals_the_same_card_for_ever(self, deck):
        assert [card_of(deck, seed) for seed in (1, 2, 3)] == [card_of(deck, seed) for seed in (1, 2, 3)]

    def test_every_card_is_dealt_by_some_seed(self, deck):
        assert {card_of(deck, seed) for seed in range(200)} == set(deck.deck)

    def test_what_is_on_the_card_is_drawn_with_it(self, deck):
        drawn = draw_parameters(deck, next(seed for seed in range(200) if card_of(deck, seed) == "mtu"))
        assert (drawn["card"], drawn["evidence"]) == ("mtu", str(drawn["size"]))
        assert drawn.keys() >= VALUES

    def test_what_the_cluster_decides_is_filled_in_later(self, deck):
        drawn = draw_parameters(deck, next(seed for seed in range(200) if card_of(deck, seed) == "detour"))
        assert drawn["evidence"] == "${nodes.control}"
        assert settle(drawn, {"nodes": {"control": "172.18.0.2"}})["evidence"] == "172.18.0.2"

    def test_a_lab_without_a_deck_has_no_card(self, lab):
        assert "card" not in draw_parameters(lab, 7)


@pytest.mark.django_db
class TestAttempts:
    def test_no_card_comes_again_before_the_others_have_come(self, deck, ana):
        for _round in range(2):
            dealt = [start_attempt(ana, deck).parameters["card"] for _card in deck.deck]
            assert sorted(dealt) == sorted(deck.deck)

    def test_another_student_has_a_deck_of_their_own(self, deck, ana, beto):
        for _card in range(len(deck.deck) - 1):
            start_attempt(ana, deck)
        assert start_attempt(beto, deck).parameters["card"] in deck.deck

    def test_a_play_is_dealt_the_card_it_is_about(self, deck, ana):
        assert {start_attempt(ana, deck, card="dns").parameters["card"] for _ in range(3)} == {"dns"}


class TestPlays:
    def test_each_card_has_a_right_play_and_all_are_played(self, deck):
        played = {play.name: play.deals for play in plays_of(deck)}
        assert {played[play.name] for play in deck.right_plays} == set(deck.deck)

    def test_a_recording_shows_the_card_of_the_solution(self, deck):
        assert card_of(deck, seed_of(deck)) == deck.solution.deals == deck.recording.parameters["card"]


@pytest.mark.parametrize(
    ("file", "old", "new", "mend"),
    [
        ("lab.yaml", "  dns:\n", "  nameserver:\n", "deck/dns.yaml is no card's"),
        ("lab.yaml", "    mtu: ", "    # ", "needs 'pod' and one of 'mtu' and 'detour'"),
        ("lab.yaml", 'detour: "${nodes.control}"', 'detour: "${nodes.first}"', "${nodes.first} has no value"),
        ("lab.yaml", "  guest: {", "  rung: {kind: word}\n  guest: {", "a card of the deck gives this name"),
        ("lab.yaml", ', fault: "1", evidence', ", evidence", "other cards give fault too"),
        ("lab.yaml", "    pod: shop\n    mtu", "    pod: store\n    mtu", "there is no pod 'store'"),
        ("lab.yaml", 'right: "${syn}"', 'right: "${evidence}"', "what the cluster decides cannot be right"),
        ("deck/policy.yaml", "kind: NetworkPolicy", "kind: Pod", "makes a pod 'shop-in'"),
        ("deck/policy.yaml", "app: ${guest}", "app: ${guests}", "deck/policy.yaml cannot be read"),
        ("solutions/dns.yaml", "deals: dns", "deals: policy", "no right play is dealt the card 'dns'"),
        ("solutions/dns.yaml", 'value: "no"', 'value: "yes"', "the solution predicts 'yes'"),
        ("mutants/hosts-file.yaml", "deals: dns\n", "", "say with 'deals' which card it is dealt"),
    ],
)
def test_what_is_wrong_with_a_deck_is_told(problems_after, file, old, new, mend):
    assert mend in problems_after(file, old, new)
