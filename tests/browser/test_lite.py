"""JupyterLite of the site: a notebook in it is run from the top, a control is moved, and
predictions are scored.

`benchmarks/lite.py` runs all of them.
"""

import os

import pytest

import in_lite
import lab
import on_site
from helpers.publishing.notebooks import SERIES
from helpers.publishing.site import lite, vendor

# 03 has a control, predictions and a formula to derive.
RUN = {notebook.number: notebook for notebook in SERIES if notebook.number == "03"}


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    try:
        lite.build(folder / "lite", offline=True)
    except vendor.Missing as missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{lab.NO_SITE}: {missing}")
    with on_site.serve(folder) as url:
        yield url


@pytest.fixture(scope="module")
def context(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    yield context
    context.close()


@pytest.mark.parametrize("number", RUN)
def test_a_notebook_says_in_the_browser_what_is_stored(url, context, number):
    visit = in_lite.run(context, url, RUN[number])
    assert list(in_lite.faults(RUN[number], visit)) == []
    assert visit.moved == 1 and len(visit.compared) == 3
    assert visit.elsewhere == []
    # JupyterLite also asks its server for files that may be there, and logs that they are not.
    assert [line for line in visit.log if line.startswith("uncaught")] == []
