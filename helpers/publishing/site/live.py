"""The living part of the site: the files of its folder live/, and the data of each notebook.

A page loads `live.js` alone. When a reader touches a control, that starts a worker with Pyodide,
the helpers of this repository and ipywidgets (python.zip), and shows its widgets with the html
manager of ipywidgets (widgets.js). What stands still in a control is drawn here, once for all.
"""

import ast
import base64
import hashlib
import html
import json
import shutil
import subprocess
import tempfile
import zipfile
from contextlib import chdir, redirect_stderr, redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import matplotlib.pyplot as plt

from helpers.controls import every_control, places
from helpers.controls.control import Control
from helpers.exercises.exercise import Exercise
from helpers.exercises.prediction import Prediction
from helpers.measure import load
from helpers.publishing.notebooks import SERIES, read
from helpers.publishing.site.archive import put, put_helpers
from helpers.publishing.site.vendor import PYODIDE_CDN, Missing, vendored

TEMPLATES = Path(__file__).parents[1] / "templates" / "site" / "live"
LEFT_OUT = ("publishing",)  # folders of helpers that no page needs
SCRIPTS = ("pyodide.mjs", "pyodide.asm.mjs")  # of Pyodide; always part of the site
FIRST = ("numpy",)  # loaded at once; the rest when it is asked for
UNMEASURED = (
    "A page cannot measure your machine. What stands here is a run of ours; your prediction is "
    "compared with our record."
)
WIDGETS = ("@jupyter-widgets/base", "@jupyter-widgets/controls", "@jupyter-widgets/html-manager")
# How the bundles of `WIDGETS`, which are AMD modules, find each other; the last one is kept.
AMD = """(() => {
const modules = {};
const define = (name, needs, make) => {
    modules[name] = make(...needs.map(need => need === "module" ? {id: name} : modules[need]));
};
define.amd = {};
BUNDLES
window.liveWidgets = modules["@jupyter-widgets/html-manager"];
})();
"""


def build(folder, offline=False, notebooks=SERIES):
    """Write the folder live/ of a site.

    Parameters
    ----------
    folder : Path
        Where; it is made anew.
    offline : bool
        Whether Pyodide is part of the site; else pages take it from its CDN.
    notebooks : sequence of helpers.publishing.notebooks.Notebook
        Whose cells are alive.

    Raises
    ------
    helpers.publishing.site.vendor.Missing
        If something that is taken from elsewhere cannot be had.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file in TEMPLATES.iterdir():
        shutil.copy(file, folder)
    (folder / "widgets.js").write_text(_widgets(), "utf-8")
    pyodide = vendored("pyodide")
    _write_python(pyodide, folder)
    for script in SCRIPTS:
        shutil.copy(pyodide / script, folder)
    place_pyodide(folder, offline)
    for notebook in notebooks:
        data = json.dumps(cells(notebook), ensure_ascii=False, indent=0)
        (folder / f"{notebook.number}.json").write_text(data, "utf-8")


def place_pyodide(folder, offline):
    """Say in the folder where its pages take Pyodide and packages from, and put them there.

    Whatever a page fetches must have the hash that is written here, or it is refused.
    """
    pyodide = vendored("pyodide")
    taken = sorted([*pyodide.glob("*.wasm"), *pyodide.glob("*.whl")])
    shutil.rmtree(folder / "pyodide", ignore_errors=True)
    if offline:
        (folder / "pyodide").mkdir()
        for path in taken:
            shutil.copy(path, folder / "pyodide")
    lock, base = _lock(pyodide), "pyodide/" if offline else PYODIDE_CDN
    own = sorted(folder.glob("*.zip"))
    first = ["pyodide.asm.wasm", *(lock["packages"][name]["file_name"] for name in FIRST)]
    files = {
        "pyodide": base,
        "first": FIRST,
        "lock": lock,
        "wanted": [
            *("widgets.js", "worker.js", *SCRIPTS, *(path.name for path in own)),
            *(base + name for name in first),
        ],
        "files": {
            path.name: {"bytes": path.stat().st_size, "integrity": _integrity(path)}
            for path in [*taken, *own]
        },
    }
    (folder / "files.json").write_text(json.dumps(files), "utf-8")


def attributes(notebook, cell):
    """What the element of a cell carries for live.js, as HTML attributes; "" for a cell that is not
    alive."""
    entry = cells(notebook).get(cell)
    if entry is None:
        return ""
    told = {"class": "live", "data-cell": cell, "data-kind": entry["kind"]}
    told |= {f"data-{name}": value for name, value in entry.get("form", {}).items()}
    return " ".join(f'{name}="{html.escape(str(value))}"' for name, value in told.items())


@cache
def cells(notebook):
    """What live.js needs of each cell that is alive, by the id of the cell.

    The code of the notebook is run once from the top, for the values of the models in it. Nothing
    is measured, since a page is not for this machine: there the shipped records stand in.
    """
    code = [cell for cell in read(notebook.path).cells if cell.cell_type == "code"]
    names, before, found = {"display": lambda *_: None}, [], {}
    unmeasured = patch.object(load, "hindrance", lambda: "a page measures nothing")
    with (
        _Recorder() as recorder,
        redirect_stdout(StringIO()),
        redirect_stderr(StringIO()),  # bars of progress
        unmeasured,
        tempfile.TemporaryDirectory() as folder,
        chdir(folder),  # for a record that a notebook saves
    ):
        for cell in code:
            tree, recorder.revealed = ast.parse(cell.source), None
            value = _run(tree, names)
            if isinstance(value, Control):
                lines, needs = _alone(tree, before, names), []
                if value.follows_inputs:  # its axes are drawn there
                    needs = ["matplotlib"]
                found[cell.id] = {"kind": "control", "code": lines, "needs": needs}
            elif isinstance(value, Prediction):
                value.cell = cell.id
                form = {"label": value.label}
                found[cell.id] = {"kind": "prediction", "form": form, "unit": value.unit}
            elif recorder.revealed:
                prediction, model, source = recorder.revealed
                form = {"of": prediction.cell}
                if source == "stopwatch":
                    form["note"] = UNMEASURED
                found[cell.id] = {"kind": "reveal", "form": form, "model": model, "source": source}
            elif isinstance(exercise := _run(asked := _asked(tree), names), Exercise):
                lines = _alone(asked, before, names)
                found[cell.id] = {"kind": "exercise", "form": _form(exercise), "code": lines}
            before.append(tree)
    plt.close("all")
    return found


class _Recorder:
    """While it is entered, `revealed` is the last prediction that was compared, and its model."""

    def __enter__(self):
        self.reveal = reveal = Prediction.reveal

        def noted(prediction, model, source="model"):
            self.revealed = prediction, float(model), source
            return reveal(prediction, model, source)

        Prediction.reveal = noted
        return self

    def __exit__(self, *_):
        Prediction.reveal = self.reveal


def _run(tree, names):
    """Run the code of a cell; returns the value of its last line if that is an expression."""
    value = None
    for line in tree.body:
        if isinstance(line, ast.Expr):
            value = eval(compile(ast.Expression(line.value), "<cell>", "eval"), names)
        else:
            value = exec(compile(ast.Module([line], []), "<cell>", "exec"), names)
    return value


def _asked(tree):
    """The code of what stands before ``.check(...)`` in the last line of a cell, else none."""
    match tree.body[-1:]:
        case [ast.Expr(ast.Call(ast.Attribute(exercise, "check")))]:
            return ast.Module([ast.Expr(exercise)], [])
    return ast.Module([], [])


def _form(exercise):
    """What a page asks for: the kind of the answer, how it is given, and names of numbers."""
    question = exercise.asked()
    names = list(getattr(question, "names", {}))
    if hasattr(question, "options"):
        names = list(question.options)
    told = {"asks": type(question).__name__.lower(), "form": question.form()}
    return told | {"names": " ".join(names), "own": " ".join(exercise.own)}


def _alone(tree, before, names):
    """The code of a cell with what it uses of the cells before: imports and plain values.

    Raises
    ------
    ValueError
        If it uses something that no line before it sets.
    """
    lines = [ast.unparse(tree)]
    waiting, known = _used(tree), set()
    while waiting:
        name = waiting.pop()
        if name in known or name not in names or name == "__builtins__":
            continue  # a function of Python, or set in the cell itself
        known.add(name)
        line = _setting(name, before)
        if line is None:
            continue
        if not isinstance(line, ast.Import | ast.ImportFrom):
            try:
                plain = names[name].item() if hasattr(names[name], "item") else names[name]
                ast.literal_eval(repr(plain))
                lines.insert(0, f"{name} = {plain!r}")
                continue
            except (ValueError, SyntaxError):  # no plain value: made again as it was made
                waiting |= _used(line)
        lines.insert(0, ast.unparse(line))
    return "\n".join(lines)


def _used(tree):
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def _setting(name, before):
    """The last line of earlier cells that sets a name; of an import, the part that does."""
    for tree in reversed(before):
        for line in reversed(tree.body):
            if isinstance(line, ast.Import | ast.ImportFrom):
                for alias in line.names:
                    if (alias.asname or alias.name.partition(".")[0]) == name:
                        where = [line.module] if isinstance(line, ast.ImportFrom) else []
                        return type(line)(*where, [alias], *[0] * len(where))
            elif name in {
                node.id
                for node in ast.walk(line)
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            }:
                return line
    return None


def standing():
    """What matplotlib draws of the controls, as `helpers.live.session.begin` takes it."""
    controls = {}
    for kind in every_control():
        control = kind()
        if kind.follows_inputs:
            continue
        picture, frames = control.standing()
        controls[kind.__name__] = (
            base64.b64encode(picture).decode(),
            [frame.made_of for frame in frames],
        )
    return {"controls": controls, "advances": _advances()}


def _advances():
    """The advance of every character of the font that words of a control may have."""
    known = {}
    for code in range(0x20, 0x3000):
        if (character := chr(code)).isprintable():
            known[character] = places.advance(character)
    return known


def _write_python(pyodide, folder):
    """Write the modules that a page needs, and the library of Python, compiled.

    Raises
    ------
    helpers.publishing.site.vendor.Missing
        If there is no node to compile them with.
    """
    if not shutil.which("node"):
        raise Missing("node, which compiles the modules for pages, is not installed here")
    with tempfile.TemporaryDirectory() as work:
        _pack(archive := Path(work) / "series.zip")
        script = Path(__file__).with_name("precompile.mjs")
        command = ["node", script, pyodide, archive, folder]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"node could not compile the modules:\n{done.stderr[-2000:]}")


def _pack(path):
    """Write the modules that a page needs and what stands still in its controls as one file."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for package in ("traitlets", "comm", "ipywidgets"):
            folder = vendored(package)
            for file in sorted(folder.rglob("*.py")):
                put(archive, f"{package}/{file.relative_to(folder).as_posix()}", file.read_bytes())
        put_helpers(archive, LEFT_OUT)
        put(archive, "standing.json", json.dumps(standing(), ensure_ascii=False))


def _widgets():
    """The html manager of ipywidgets and what it needs, as one script."""
    text = (vendored("widgets") / "libembed-amd.js").read_text("utf-8")
    chosen = [f'define("@{part}' for part in text.split('define("@')[1:]]
    chosen = [part for part in chosen if part.partition('",')[0][8:] in WIDGETS]
    return AMD.replace("BUNDLES", "\n".join(chosen))


def _lock(pyodide):
    """The part of Pyodide's lock file on packages that are there."""
    lock = json.loads((pyodide / "pyodide-lock.json").read_text("utf-8"))
    there = {file.name for file in pyodide.iterdir()}
    lock["packages"] = {
        name: package for name, package in lock["packages"].items() if package["file_name"] in there
    }
    return lock


def _integrity(path):
    return "sha256-" + base64.b64encode(hashlib.sha256(path.read_bytes()).digest()).decode()
