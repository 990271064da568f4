"""What is alive in a page, without a browser: its data, and the session that answers for Python."""

import base64
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.controls.roofline import RooflineControl
from helpers.exercises.prediction import Prediction
from helpers.measure.record import shipped
from helpers.publishing.notebooks import SERIES
from helpers.publishing.site import live, vendor

ROOT = Path(__file__).resolve().parents[1]
ROOFLINE = next(notebook for notebook in SERIES if notebook.stem == "03_roofline")
CODE = re.compile(r"\.check|\.hint|\.solution|None|in quotes|this cell|dict\(")
EXAMINATION = next(notebook for notebook in SERIES if notebook.stem == "12_examination")
# A session as in a page: without matplotlib and IPython, but with what stands still.
SESSION = """
import json, os, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("matplotlib", "PIL", "IPython"):
            session.missing.add(name)
            raise ModuleNotFoundError(f"{name} is not here")

os.environ["JUPYTER_WIDGETS_ECHO"] = "0"
from helpers.live import stand_in
stand_in.install()
sys.meta_path.insert(0, Refuse())
from helpers.live import session
session.begin(sys.argv[1])
for request in sys.stdin:
    print(session.answer(request), flush=True)
"""


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """Asks a session; returns its reply."""
    path = tmp_path_factory.mktemp("live") / "standing.json"
    path.write_text(json.dumps(live.standing()), "utf-8")
    command, pipe = [sys.executable, "-c", SESSION, str(path)], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1) as process:

        def ask(do, **request):
            print(json.dumps({"do": do, **request}), file=process.stdin)
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()


def made_of(reply):
    """The widgets that a reply opens: the states by their ids."""
    opened = [message for message in reply["messages"] if message["type"] == "comm_open"]
    return {message["id"]: message["data"]["state"] for message in opened}


def test_a_cell_that_is_alive_stands_alone():
    """In a namespace of its own its code makes what the notebook shows."""
    cells = live.cells(ROOFLINE)
    names = {}
    *lines, last = cells["control"]["code"].splitlines()
    exec("\n".join(lines), names)
    control = eval(last, names)
    (stored,) = (
        output.data["text/plain"]
        for cell in live.read(ROOFLINE.path).cells
        if cell.id == "control"
        for output in cell.outputs
    )
    assert control.sentence == stored
    assert cells["figure-one-plot"]["model"] == 2 * 900e9
    assert cells["figure-one-plot"]["form"] == {"of": "predict-figure-one-plot"}


def test_every_cell_that_asks_or_moves_is_alive():
    for notebook in (ROOFLINE, EXAMINATION):
        sources = {c.id: c.source for c in live.read(notebook.path).cells if c.cell_type == "code"}
        asks = {id for id, text in sources.items() if re.search(r"\.(check|reveal)\(", text)}
        makes = {
            id for id, text in sources.items() if re.match(r"\w+Control\(|.*Prediction\(", text)
        }
        assert live.cells(notebook).keys() == asks | makes


def test_attributes_are_those_of_html():
    told = live.attributes(ROOFLINE, "predict-figure-one-plot")
    assert told.startswith(
        'class="live" data-cell="predict-figure-one-plot" data-kind="prediction"'
    )
    assert 'data-label="What I₁ can attain on the V100 (flop/s)"' in told
    assert live.attributes(ROOFLINE, "setup") == ""
    assert "1800000000000" not in live.attributes(ROOFLINE, "figure-one-plot")  # no answer in it


def pictures(reply):
    """The moving pictures among the messages of a reply."""
    updates = [message["data"] for message in reply["messages"] if message["type"] == "comm_msg"]
    values = [update["state"].get("value", "") for update in updates]
    return [value for value in values if str(value).startswith("<svg")]


def test_a_session_answers_a_slider(ask):
    shown = ask("show", code=live.cells(ROOFLINE)["control"]["code"])
    assert "error" not in shown and shown["missing"] == []
    twin = RooflineControl({"I₁": 2, "I₂": 100}, peak=8 * 15.7e12, bandwidth=900e9)
    assert pictures(shown)[-1] == twin.moving.value
    widgets = made_of(shown)
    assert shown["result"] in widgets
    slider = next(id for id, state in widgets.items() if state.get("description") == "I₁ (flop/B)")
    moved = ask("message", id=slider, data={"method": "update", "state": {"index": 30}})
    twin.inputs["intensity1"].index = 30
    assert pictures(moved) == [twin.moving.value]


def test_a_session_says_what_went_wrong_and_goes_on(ask):
    wrong = ask("show", code="from helpers.roofline import ridge\nridge(-1, 1)")
    assert wrong["error"].startswith("ValueError: peak must be")
    assert "error" in ask("message", id="nobody", data={})
    widget = ask("show", code="from helpers.controls.amdahl import AmdahlControl\nAmdahlControl()")
    slider = next(id for id, state in made_of(widget).items() if state.get("description") == "p")
    data = {"method": "update", "state": {"value": "high"}}
    assert "error" in ask("message", id=slider, data=data)
    data["state"]["value"] = 0.5
    assert len(pictures(ask("message", id=slider, data=data))) == 1


def test_a_file_that_the_reader_uploads_arrives(ask):
    made = "import ipywidgets as w\nw.FileUpload()"
    (id,) = [i for i, state in made_of(ask("show", code=made)).items() if "accept" in state]
    file = {"name": "a.csv", "type": "", "size": 3, "last_modified": 0}
    data = {
        "method": "update",
        "state": {"value": [file]},
        "buffer_paths": [["value", 0, "content"]],
    }
    ask("message", id=id, data=data, buffers=[base64.b64encode(b"1,2").decode()])
    code = f"""
import ipywidgets as w
from helpers.live.session import made
w.Label(bytes(made({made!r}).value[0].content).decode())
"""
    assert "1,2" in [state.get("value") for state in made_of(ask("show", code=code)).values()]


def test_a_page_of_08_tells_of_the_shipped_record(tmp_path, monkeypatch):
    """What is measured while the site is built would be of another machine than the reader's."""
    monkeypatch.chdir(tmp_path)
    (notebook,) = [n for n in SERIES if n.number == "08"]
    entries = live.cells(notebook)
    ours = shipped()["xeon-2"]
    assert entries["your-roof"]["model"] == ours.roofline.points[0].rate
    assert entries["your-two-parts"]["model"] == ours.speedups[-1].measured.value
    assert entries["your-overlap"]["source"] == "stopwatch"
    assert entries["control"]["kind"] == "control" and not list(tmp_path.iterdir())


def test_a_session_names_the_package_that_it_misses(ask):
    reply = ask(
        "show", code="from helpers.controls.scaling import ScalingControl\nScalingControl()"
    )
    assert reply["missing"] == ["matplotlib"]


@pytest.mark.parametrize("source", ["model", "stopwatch"])
@pytest.mark.parametrize("typed", ["", "2e12", "2 Tflop/s", "1.8", "-3", "half", "15,7"])
def test_predictions_are_scored_as_in_the_notebook(ask, typed, source):
    entry = live.cells(ROOFLINE)["figure-one-plot"]
    prediction = Prediction("What I₁ can attain on the V100", "flop/s")
    prediction.field.value = typed
    expected = str(prediction.reveal(entry["model"], source))
    about = {"label": prediction.label, "unit": prediction.unit, "source": source}
    here = "type again, then compare. An empty field"
    there = "type again above, then run this cell again. An empty field"
    assert ask("reveal", **about, model=entry["model"], typed=typed)["result"] == expected.replace(
        there, here
    )


def test_no_answer_in_a_page_speaks_of_code(ask):
    """For every exercise: an answer that is wrong or missing, hints and the solution."""
    for notebook in (ROOFLINE, EXAMINATION):
        for entry in live.cells(notebook).values():
            if entry["kind"] != "exercise":
                continue
            code, form = entry["code"], entry["form"]
            own = {name: "3" for name in form["own"].split()}
            typed = "1e-7"
            if form["asks"] == "design":
                typed = dict.fromkeys(form["names"].split(), "1")
            replies = [ask("check", code=code, typed=typed, own=own)]
            replies += [ask("check", code=code, typed=None, own=own)]
            replies += [ask("hint", code=code), ask("solution", code=code, own={})]
            for reply in replies:
                assert not reply["missing"], code
                said = reply["result"]
                words = said["words"] if isinstance(said, dict) else said
                assert not CODE.search(words), (code, words)


def test_the_loader_is_small_and_names_no_host():
    assert (live.TEMPLATES / "live.js").stat().st_size < 15_000
    for file in live.TEMPLATES.iterdir():
        assert not re.search(r"\w+://", file.read_text("utf-8")), file.name


def test_what_is_fetched_is_what_is_pinned(tmp_path, monkeypatch):
    def fetched(source, folder):
        (folder / "other.whl").write_bytes(b"something else")
        return folder / "other.whl"

    monkeypatch.setattr(vendor, "_fetched", fetched)
    other = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(vendor.Missing, match=f"comm 0.2.3 must have the SHA-256 .*, got {other}"):
        vendor.vendored("comm", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_client_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(vendor.shutil, "which", lambda name: None)
    with pytest.raises(
        vendor.Missing, match="html-manager@1.0.15 is fetched with npm, which is not"
    ):
        vendor.vendored("widgets", tmp_path)
