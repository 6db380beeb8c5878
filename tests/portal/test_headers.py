"""What browsers are told about every page."""

import re

import pytest

from k8s_tasks import queries

PAGES = ["/", "/chapters/foundations/", "/classes/", "/account/", "/nowhere/"]


def policy(response) -> dict[str, str]:
    directives = [each.strip().partition(" ") for each in response["Content-Security-Policy"].split(";")]
    return {name: values for name, _, values in directives}


@pytest.mark.parametrize("page", PAGES)
def test_pages_run_our_own_scripts_and_styles_only(world, healthy, visit, page):
    told = policy(visit(world.paula).get(page))

    assert (told["default-src"], told["script-src"], told["style-src"]) == ("'none'", "'self'", "'self'")
    assert (told["frame-ancestors"], told["base-uri"], told["form-action"]) == ("'none'", "'none'", "'self'")


def test_only_pages_with_a_terminal_relax_styles_and_never_scripts(world, asked, visit):
    told = policy(visit(world.alice).get("/labs/ping-and-netcat/"))

    assert (told["script-src"], told["style-src"]) == ("'self'", "'self' 'unsafe-inline'")


def test_only_the_replay_compiles_webassembly(world, visit):
    told = policy(visit(world.alice).get(f"/runs/{world.run.pk}/"))

    assert (told["script-src"], told["style-src"]) == ("'self' 'wasm-unsafe-eval'", "'self'")


@pytest.mark.parametrize("page", [*PAGES, "/labs/ping-and-netcat/"])
def test_no_script_or_style_stands_in_the_page(world, asked, visit, page):
    html = visit(world.paula).get(page).content.decode()

    assert not re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")[^>]*>", html)
    assert not re.findall(r"<style|\son\w+=|\sstyle=|javascript:", html)


def test_the_usual_headers_are_there(world, healthy, visit):
    response = visit(world.alice).get("/")

    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"


def test_a_transcript_is_a_file_and_no_page(world, visit):
    response = visit(world.alice).get(f"/runs/{world.run.pk}/cast/")

    assert response["Content-Type"].startswith("application/x-asciicast")
    assert response["Content-Disposition"].startswith("attachment")


def test_pages_of_a_person_are_kept_in_no_cache(world, healthy, visit):
    assert visit(world.alice).get("/")["Cache-Control"] == "private, no-store"
    assert "Cache-Control" not in visit(None).get("/")


@pytest.mark.parametrize("person", ["alice", "visitor"])
def test_an_error_of_ours_is_a_page_with_a_way_on_and_no_details(world, visit, monkeypatch, person):
    def broken():
        raise RuntimeError("secret detail")

    monkeypatch.setattr(queries, "service_health", broken)
    browser = visit(world.people().get(person))
    browser.raise_request_exception = False

    response = browser.get("/")

    assert response.status_code == 500
    assert 'href="/"' in response.content.decode()
    assert "secret detail" not in response.content.decode()
