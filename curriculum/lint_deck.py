"""What an author must mend in a deck: its cards, and the plays that they are dealt to."""

from collections.abc import Iterator

from yaml import YAMLError

from curriculum.documents import Document
from curriculum.lined_yaml import read_all
from curriculum.lint_files import pods_made
from curriculum.lint_names import known_names, sample_values
from curriculum.parameters import SubstitutionError, names_in, substitute
from curriculum.problems import Problem
from curriculum.specs import CARD, Card, LabSpec


def lint_deck(lab: LabSpec, document: Document) -> list[Problem]:
    """Cards that break nothing, that speak of what is not there, or that do not give the same values."""
    problems = list(_lint_files(lab, document))
    for name, card in lab.deck.items():
        problems += _lint_card(lab, document, name, card)
    return problems


def lint_deals(lab: LabSpec, documents: dict[str, Document]) -> list[Problem]:
    """Each play says which card it is dealt, and each card has a right play."""
    problems = []
    for play in (*lab.right_plays, *lab.mutants):
        if play.deals not in (lab.deck or [""]):
            known = ", ".join(lab.deck) or "none, for the lab has no deck"
            mend = f"say with 'deals' which card it is dealt; known are {known}"
            problems.append(documents[play.name].problem(("deals",) if play.deals else (), mend))
    if lab.solution:
        for card in lab.deck.keys() - {play.deals for play in lab.right_plays}:
            mend = f"no right play is dealt the card {card!r}; write one in solutions/"
            problems.append(documents["solution"].problem((), mend))
    return problems


def _lint_files(lab: LabSpec, document: Document) -> Iterator[Problem]:
    for name in sorted(lab.card_objects.keys() - lab.deck.keys()):
        yield document.problem(("deck",), f"deck/{name}.yaml is no card's; name it here or remove it")
    for name in sorted(lab.card_names & {*lab.parameters}):
        yield document.problem(("parameters", name), "a card of the deck gives this name; rename it")


def _lint_card(lab: LabSpec, document: Document, name: str, card: Card) -> Iterator[Problem]:
    keys = ("deck", name)
    if not card.pod and name not in lab.card_objects:
        yield document.problem(keys, f"it breaks nothing; write deck/{name}.yaml, or name a pod's link")
    if bool(card.pod) != bool(card.mtu or card.detour):
        yield document.problem(keys, "a fault of a link needs 'pod' and one of 'mtu' and 'detour'")
    if card.pod and card.pod not in [pod.name for pod in lab.pods]:
        yield document.problem((*keys, "pod"), f"there is no pod {card.pod!r}")
    if lacks := lab.card_names - {CARD, *card.values}:
        yield document.problem((*keys, "values"), f"other cards give {', '.join(sorted(lacks))} too; add it")
    for place, template in card.templates.items():
        yield from _lint_template(lab, document, (*keys, *place), template)
    yield from _lint_objects(lab, document, name)


def _lint_template(lab: LabSpec, document: Document, keys: tuple, template: str) -> Iterator[Problem]:
    known = known_names(lab) - lab.card_names
    try:
        unknown = names_in(template) - known
    except SubstitutionError as error:
        yield document.problem(keys, str(error))
        return
    for name in sorted(unknown):
        yield document.problem(keys, f"${{{name}}} has no value; known are {', '.join(sorted(known))}")


def _lint_objects(lab: LabSpec, document: Document, name: str) -> Iterator[Problem]:
    """They may change the lab's pods, but make no other."""
    try:
        text = substitute(lab.card_objects.get(name, ""), sample_values(lab))
        made = {*pods_made(text)} - {pod.name for pod in lab.pods}
        objects = [item for item in read_all(text) if item]
    except (SubstitutionError, YAMLError) as error:
        yield document.problem(("deck", name), f"deck/{name}.yaml cannot be read: {error}")
        return
    for pod in sorted(made):
        yield document.problem(("deck", name), f"deck/{name}.yaml makes a pod {pod!r} that `pods` lacks")
    if any(not (item.get("kind") and item.get("metadata", {}).get("name")) for item in objects):
        yield document.problem(("deck", name), f"deck/{name}.yaml: each object needs kind and metadata.name")
