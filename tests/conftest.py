"""One browser and one JupyterLab for all browser tests of a worker, and what is kept of a failure.

A test that fails leaves a picture of each page among its fixtures, and what the page logged, in
`browser/failures/`. Tests that were skipped for want of a browser are named at the end of a run.
"""

import os
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page

import lab
from helpers.publishing.site.browser import NO_CHROMIUM, find_chromium

ALIVE = ("03", "04", "06", "08")  # notebooks that are brought to life in pages
BROWSER = Path(__file__).parent / "browser"
pytest.register_assert_rewrite("twins")  # so that a failure there shows both sides


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


@pytest.fixture(scope="session")
def living(tmp_path_factory):
    """A function that gives the folder live/ of a site, made once for all workers.

    It raises `vendor.Missing` where what it is made of cannot be had.
    """
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    made, failed = base / "live", base / "live-missing.txt"

    def give():
        from helpers.publishing.site import live, vendor  # takes seconds: not for every run

        notebooks = [notebook for notebook in live.SERIES if notebook.number in ALIVE]
        try:
            (base / "live-begun").mkdir()
        except FileExistsError:  # another worker makes it
            while not made.exists() and not failed.exists():
                time.sleep(0.2)
        else:
            try:
                live.build(base / "live-half", offline=True, notebooks=notebooks)
                (base / "live-half").rename(made)
            except BaseException as error:
                failed.write_text(str(error))
                raise
        if failed.exists():
            raise vendor.Missing(failed.read_text())
        return made

    return give


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
