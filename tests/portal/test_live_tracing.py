"""One click, one trace: from the page over the worker to the first output of the process in the pod."""

import pytest

from tests.portal.live import Person

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


def trace_of(run: str, spans: list) -> list:
    """The spans of the trace that holds this run, once it has been told."""
    for _service, span in spans:
        if any(each.value.string_value == run for each in span.attributes if each.key == "redes.run"):
            return [(service, each) for service, each in spans if each.trace_id == span.trace_id]
    return []


async def test_a_click_is_followed_into_the_pod(stack, collector):
    student = Person(stack.url, stack.accounts["student"])
    sitting = await student.begin()
    try:
        run = sitting.run("addresses")
        await student.end_of(run)

        def whole(spans):
            found = trace_of(run, spans)
            names = {span.name for _, span in found}
            is_whole = {"run", "start in the pod"} <= names and any(name.startswith("POST") for name in names)
            return found if is_whole else []

        spans = {span.name: (service, span) for service, span in collector.wait_for(lambda s: whole(s))}
    finally:
        student.post(sitting.door("end"))

    click = next(name for name in spans if name.startswith("POST"))
    assert "steps/" in click
    assert {spans["run"][0], spans["start in the pod"][0]} == {"redes-worker"}
    assert [event.name for event in spans["run"][1].events] == ["first output"]
    assert spans["start in the pod"][1].parent_span_id == spans["run"][1].span_id
