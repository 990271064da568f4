"""Notebook 00's check finds what is missing and says so plainly."""

import pytest

from helpers.installation import check_installation, missing


def test_nothing_is_missing_here(capsys):
    assert missing() == []
    check_installation()
    assert capsys.readouterr().out == "Everything that the notebooks need is installed.\n"


@pytest.mark.parametrize(
    ("needed", "line"),
    [
        ("no-such-package>=1", "no-such-package>=1 is needed, and is not installed"),
        ("numpy>=99", "numpy>=99 is needed, and "),
        ("numpy<1", "numpy<1 is needed, and "),
    ],
)
def test_missing_and_wrong_versions_are_named(needed, line):
    (found,) = missing([needed])
    assert found.startswith(line)


def test_packages_of_the_tests_are_not_asked_for():
    assert missing(['no-such-package; extra == "test"']) == []


def test_a_python_that_is_too_old_is_named():
    (found,) = missing([], python=">=99")
    assert found.startswith("Python >=99 is needed, this is 3.")


def test_the_report_says_how_to_install(capsys, monkeypatch):
    monkeypatch.setattr("helpers.installation.requires", lambda _: ["no-such-package"])
    check_installation()
    said = capsys.readouterr().out
    assert "no-such-package is needed" in said
    assert "python3 series.py open" in said
