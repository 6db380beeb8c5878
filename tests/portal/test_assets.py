"""Assets are served from the source folders, as they are now."""

import pytest
from django.test import Client


@pytest.fixture
def stylesheet(tmp_path, settings):
    settings.STATICFILES_DIRS = [tmp_path]
    return tmp_path / "site.css"


def test_an_asset_rebuilt_under_a_running_server_is_served_whole(stylesheet):
    browser = Client()
    for text in (b"p { color: red }", b"p { color: red }\nh1 { color: blue }"):
        stylesheet.write_bytes(text)
        response = browser.get("/static/site.css")

        assert b"".join(response.streaming_content) == text
        assert int(response["Content-Length"]) == len(text)
