"""The notebooks in a real browser: JupyterLab of this repository, in Debian's chromium.

    with lab.jupyterlab() as server, lab.chromium() as browser:
        page = browser.new_page()
        lab.open_notebook(page, server, "03_roofline.ipynb")
        lab.run_all(page)
        lab.close_notebook(page)

`server` works on a copy of the notebooks and on settings of its own, so that nothing tracked is
changed and nothing of the user's plays a role. Every cell of an open notebook is in the page.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import sync_playwright

from helpers.publishing.site.browser import ARGUMENTS, find_chromium

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
FAILURES = Path(__file__).parent / "failures"
NO_SITE = "what the site takes from elsewhere is not at hand"
SETTINGS = {
    # JupyterLab takes cells that are out of sight from the page.
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
START_SECONDS = 60
RUN_SECONDS = 120

READY = """async () => {
    const app = window.jupyterapp;
    if (!app) return false;
    await app.restored;
    const panel = app.shell.currentWidget;
    if (!panel || !panel.sessionContext) return false;
    await panel.revealed;
    await panel.sessionContext.ready;
    return Boolean(panel.sessionContext.session?.kernel);
}"""
RUN_ALL = """async () => {
    const panel = window.jupyterapp.shell.currentWidget;
    const commands = window.jupyterapp.commands;
    await commands.execute("notebook:clear-all-cell-outputs");  // and the stored counts
    await commands.execute("notebook:run-all-cells");
    await panel.sessionContext.session.kernel.requestKernelInfo();  // answered after all else
    return panel.content.widgets
        .filter(cell => cell.model.type === "code")
        .map(cell => ({
            id: cell.model.id,
            count: cell.model.executionCount,
            outputs: cell.model.outputs.toJSON(),
        }));
}"""

RUN_CELL = """async id => {
    const panel = window.jupyterapp.shell.currentWidget;
    const place = panel.content.widgets.findIndex(cell => cell.model.id === id);
    panel.content.activeCellIndex = place;
    await window.jupyterapp.commands.execute("notebook:run-cell");
    await panel.sessionContext.session.kernel.requestKernelInfo();  // answered after the cell
    return panel.content.widgets[place].model.outputs.toJSON();
}"""
MODEL = re.compile(r"The (?:model|stopwatch) says (.+?)\.(?: Ratio|$)")


@contextmanager
def chromium():
    """A headless browser, a `playwright.sync_api.Browser`, closed at the end."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass(frozen=True)
class Server:
    """A running JupyterLab.

    Attributes
    ----------
    url : str
        Its address, with a slash at the end.
    token : str
        What it asks of a new visitor.
    folder : Path
        The copy of the notebooks that it shows; files put there can be opened at once.
    """

    url: str
    token: str
    folder: Path


@contextmanager
def jupyterlab():
    """JupyterLab on a copy of the notebooks, a `Server`, stopped at the end.

    Raises
    ------
    RuntimeError
        If it does not answer; with what it wrote.
    """
    with tempfile.TemporaryDirectory(prefix="lab-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        folder = home / "notebooks"
        shutil.copytree(NOTEBOOKS, folder, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        for plugin, settings in SETTINGS.items():
            file = home / "settings" / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(settings))
        log = home / "log.txt"
        with log.open("w") as output:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "helpers.publishing.server", "--no-browser"),
                    f"--ServerApp.root_dir={folder}",
                    "--expose-app-in-browser",  # window.jupyterapp, to run cells and to wait
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={
                    **os.environ,
                    "HOME": name,
                    "IPYTHONDIR": f"{name}/ipython",
                    "JUPYTER_CONFIG_DIR": f"{name}/config",
                    "JUPYTER_DATA_DIR": f"{name}/data",
                    "JUPYTER_RUNTIME_DIR": f"{name}/runtime",
                    "JUPYTERLAB_SETTINGS_DIR": f"{name}/settings",
                    "JUPYTERLAB_WORKSPACES_DIR": f"{name}/workspaces",
                },
            )
        try:
            yield _wait_for_answer(process, home / "runtime", folder, log)
        finally:
            process.terminate()  # a server that is asked to go takes its kernels along
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()  # its kernels see that and end
                process.wait()


def _wait_for_answer(process, runtime, folder, log):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        # It takes the first free port and writes down which, once it listens.
        for file in runtime.glob(f"jpserver-{process.pid}.json"):
            try:
                about = json.loads(file.read_text())
                status = f"{about['url']}api/status?token={about['token']}"
                with urllib.request.urlopen(status, timeout=5):
                    return Server(about["url"], about["token"], folder)
            except (json.JSONDecodeError, urllib.error.URLError, TimeoutError):
                pass  # half-written, or not listening yet
        time.sleep(0.1)
    raise RuntimeError(f"JupyterLab does not answer. It wrote:\n{log.read_text()}")


def open_notebook(page, server, name):
    """Open a notebook of `server.folder` alone in `page`, and wait until its kernel is there."""
    page.goto(f"{server.url}doc/tree/{name}?token={server.token}")
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=1000 * START_SECONDS)
    page.wait_for_function(READY, timeout=1000 * START_SECONDS)


def run_all(page):
    """Run every cell of the open notebook, and wait until the last has finished.

    Returns
    -------
    list of dict
        For each code cell its `id`, its execution `count` and its `outputs` as in nbformat. A
        notebook that stopped at an error has cells whose count is None.
    """
    return page.wait_for_function(RUN_ALL, timeout=1000 * RUN_SECONDS).json_value()


def revealed(cell_id, outputs):
    """What the reveal in a cell says, as (id of the cell, words of the model, all its words)."""
    for output in outputs:
        said = " ".join("".join(output.get("data", {}).get("text/plain", "")).split())
        if model := MODEL.search(said):
            yield cell_id, model[1], said


def predict(page, cells, left=()):
    """Type into each prediction what its model said without one, and compare again.

    Parameters
    ----------
    page : playwright.sync_api.Page
    cells : list of dict
        As of `run_all`.
    left : set of str
        Ids of the cells that are not run again.

    Yields
    ------
    (str, str, str)
        What the reveal said before, the words of the model in it, and what it says now.
    """
    fields = page.locator(".prediction input")
    reveals = [found for cell in cells for found in revealed(cell["id"], cell["outputs"])]
    assert fields.count() == len(reveals)
    for number, (cell_id, model, before) in enumerate(reveals):
        fields.nth(number).focus()
        page.keyboard.type(model)
        page.keyboard.press("Tab")
        if cell_id not in left:
            ((_, _, after),) = revealed(cell_id, page.evaluate(RUN_CELL, cell_id))
            yield before, model, after


def keep(page, name, log=()):
    """Keep a picture of `page` and its log in `FAILURES`; return where."""
    FAILURES.mkdir(exist_ok=True)
    path = FAILURES / re.sub(r"[^\w.-]+", "-", name).strip("-")
    page.screenshot(path=f"{path}.png")
    Path(f"{path}.log").write_text("\n".join(log) + "\n")
    return f"{path}.png and .log"


def close_notebook(page):
    """End the kernel of the open notebook and close `page`."""
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.close()
