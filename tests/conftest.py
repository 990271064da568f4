"""One browser and one JupyterLab for all browser tests of a worker, and what is kept of a failure.

A test that fails leaves a picture of each page among its fixtures, and what the page logged, in
`browser/failures/`. Tests that were skipped for want of a browser are named at the end of a run.
"""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page

import lab
from helpers.publishing.site.browser import NO_CHROMIUM, find_chromium

BROWSER = Path(__file__).parent / "browser"


@pytest.fixture(scope="package")
def browser():
    """Chromium; where there is none, tests are skipped, but fail on CI."""
    if not find_chromium():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(NO_CHROMIUM)
    with lab.chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def server():
    with lab.jupyterlab() as server:
        yield server


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark what stands in `browser/`, and the cells of notebooks, which can carry no mark."""
    for item in items:
        if item.path.is_relative_to(BROWSER):
            item.add_marker("browser")
        if item.path.suffix == ".ipynb":
            item.add_marker("slow")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed and report.when == "call":
        for value in item.funcargs.values():
            page = getattr(value, "page", value)
            if isinstance(page, Page) and not page.is_closed():
                where = lab.keep(page, item.name, getattr(value, "log", ()))
                report.sections.append(("The page as it was", where))
    return report


def pytest_terminal_summary(terminalreporter):
    reasons = {report.longrepr[2] for report in terminalreporter.stats.get("skipped", [])}
    for reason in reasons:
        if NO_CHROMIUM in reason or lab.NO_SITE in reason:
            line = f"BROWSER TESTS SKIPPED: {reason.removeprefix('Skipped: ')}"
            terminalreporter.write_line(line, red=True, bold=True)
