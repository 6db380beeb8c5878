"""The rule of netlab: a field has its effect, or is warned of, or is refused."""

from pathlib import Path

from netlab.schema import effects

_REPOSITORY = Path(__file__).parents[3]


def test_no_field_passes_without_somebody_who_shows_its_effect():
    silent = [effect.field for effect in effects.all_effects() if not effect.reason]
    assert silent == []


def test_each_test_that_is_named_is_there():
    for named in {test for test in effects.shown_by().values() if test.startswith("tests/")}:
        file, _, test = named.partition("::")
        text = (_REPOSITORY / file).read_text()
        assert not test or f"def {test}(" in text, named


def test_a_field_that_is_listed_exists():
    fields = {effect.field for effect in effects.all_effects()}
    owners = {field.partition(".")[0] for field in fields}
    for name in effects.shown_by():
        owner, _, field = name.partition(".")
        assert owner in owners if field == "*" else name in fields, name


def test_refusals_and_warnings_give_their_reason():
    found = {effect.field: effect for effect in effects.all_effects()}
    assert found["NFSVolumeSource.path"].verdict == "refused"
    assert "netlab" in found["NFSVolumeSource.path"].reason
    assert found["HostPathVolumeSource.path"].verdict == "effective"  # of a PersistentVolume
    assert found["PodSpec.overhead"].verdict == "warned"
    assert found["Container.image"].verdict == "effective"


def test_the_page_is_what_the_code_says():
    page = _REPOSITORY / "docs/netlab-fields.md"
    assert page.read_text() == effects.as_page(), "python -m netlab fields > docs/netlab-fields.md"
