"""Options come from the environment, or from files that it names."""

import pytest

from portal.options import OptionError, read_options


def test_a_secret_may_lie_in_a_file(tmp_path):
    (tmp_path / "key").write_text("of a file\n")
    options = read_options({"SECRET_KEY_FILE": str(tmp_path / "key")})
    assert options["SECRET_KEY"] == "of a file"


def test_the_value_itself_comes_first(tmp_path):
    (tmp_path / "key").write_text("of a file")
    assert (
        read_options({"SECRET_KEY": "said", "SECRET_KEY_FILE": str(tmp_path / "key")})["SECRET_KEY"] == "said"
    )


def test_a_file_that_cannot_be_read_is_a_sentence():
    with pytest.raises(OptionError, match="SECRET_KEY_FILE='/nowhere/key' cannot be read: No such file"):
        read_options({"SECRET_KEY_FILE": "/nowhere/key"})
