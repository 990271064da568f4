"""`series.py` says plainly what it does and what is wrong, and keeps what people wrote."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import series

ROOT = Path(series.__file__).parent


def run(*arguments):
    return subprocess.run(
        [sys.executable, ROOT / "series.py", *arguments], capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder in the place of the series, with its requirements and nothing installed."""
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    monkeypatch.setattr(series, "ROOT", tmp_path)
    return tmp_path


def test_a_wrong_word_is_named_and_the_right_one_guessed():
    done = run("opne")
    assert done.returncode == 2 and done.stdout == ""
    first, second = done.stderr.splitlines()
    assert first == "There is no command 'opne'; did you mean open?"
    assert all(command in second for command in series.COMMANDS)
    assert "did you mean" not in run("xyz").stderr


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["help"], []])
def test_help_is_help(arguments):
    done = run(*arguments)
    assert done.returncode == 0 and done.stderr == ""
    for command in series.COMMANDS:
        assert f"python3 series.py {command}" in done.stdout


def test_a_folder_that_cannot_be_written_is_named(folder, monkeypatch):
    monkeypatch.setattr(series, "ROOT", folder / "missing")  # root may write anywhere else
    with pytest.raises(SystemExit, match="Nothing can be written in .*missing.\nCopy the folder"):
        with series.only_one_installs():
            pass


def test_a_second_start_waits_for_the_first(folder, capsys):
    other = threading.Event()

    def second():
        with series.only_one_installs():
            other.set()

    with series.only_one_installs():
        thread = threading.Thread(target=second)
        thread.start()
        assert not other.wait(0.8)
    assert other.wait(5)
    thread.join()
    assert capsys.readouterr().out == "Another start is installing here: waiting for it\n"


def test_the_second_start_finds_installed_what_the_first_installed(folder, monkeypatch):
    environment, installed = series.Environment(), []

    def install(self, extra):
        installed.append(extra)
        self.folder.mkdir(exist_ok=True)
        content = {"from": self._fingerprint(), "extras": ["", extra]}
        self.stamp.write_text(json.dumps(content))

    monkeypatch.setattr(series.Environment, "_install", install)
    for extra in ("", "", "test", "test", ""):
        environment.prepare(extra)
    assert installed == ["", "test"]
    text = (folder / "pyproject.toml").read_text()
    (folder / "pyproject.toml").write_text(text.replace("numpy>=", "numpy>=1,>="))
    environment.prepare()
    assert installed == ["", "test", ""]


def test_ctrl_c_while_installing_is_no_traceback(folder, monkeypatch, capsys):
    def interrupted(command):
        raise KeyboardInterrupt

    monkeypatch.setattr(series, "run_shown", interrupted)
    with pytest.raises(SystemExit) as left:
        series.Environment().prepare()
    assert left.value.code == 130
    assert capsys.readouterr().out.endswith("Stopped. The same command takes it up again.\n")
    assert not series.Environment().stamp.exists()


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("WARNING: Retrying (Retry(total=1)) after connection broken", "Is there a network?"),
        ("ERROR: no space left", "no space left\nInstalling failed. The same command tries again."),
    ],
)
def test_a_failed_installation_says_why(printed, said):
    code = f"print({printed!r}); raise SystemExit(1)"
    with pytest.raises(SystemExit, match=re.escape(said)):
        series.run_shown([sys.executable, "-c", code])


def test_an_installation_that_works_says_nothing_more(capfd):
    series.run_shown([sys.executable, "-c", "print('Collecting numpy')"])
    assert capfd.readouterr().out == ""


def test_fresh_copies_have_no_results_and_the_readers_own_are_kept(tmp_path, capsys):
    before = {path: path.read_bytes() for path in series.NOTEBOOKS.rglob("*") if path.is_file()}
    series.copy_without_results(tmp_path)
    copies = sorted(tmp_path.glob("*.ipynb"))
    assert [copy.name for copy in copies] == sorted(
        p.name for p in series.NOTEBOOKS.glob("*.ipynb")
    )
    for copy in copies:
        source = json.loads((series.NOTEBOOKS / copy.name).read_text(encoding="utf-8"))
        cells = json.loads(copy.read_text(encoding="utf-8"))["cells"]
        assert [cell["source"] for cell in cells] == [cell["source"] for cell in source["cells"]]
        code = [cell for cell in cells if cell["cell_type"] == "code"]
        assert all(c["outputs"] == [] and c["execution_count"] is None for c in code)
    assert (tmp_path / "images" / "roofline.png").is_file()  # the pages show it

    copies[0].write_text("my notes")
    copies[1].unlink()
    series.copy_without_results(tmp_path)
    assert copies[0].read_text() == "my notes" and copies[1].is_file()
    assert f"{len(copies) - 1} copies were there and are kept" in capsys.readouterr().out
    assert before == {path: path.read_bytes() for path in before}


def test_the_slides_are_told_the_port_that_is_free(tmp_path, monkeypatch):
    first = series.free_port()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as JupyterLab does
        taken.bind(("127.0.0.1", first))
        taken.listen()
        second = series.free_port()
    assert first < second
    monkeypatch.setattr(series, "LIVE", tmp_path / "build" / "live.js")
    series.tell_the_slides(second)
    assert f"http://localhost:{second}" in series.LIVE.read_text()


@pytest.mark.parametrize("arguments", [["--fresh"], [], ["--port=9999"], ["--no-browser"]])
def test_open_starts_jupyterlab_on_the_right_folder_and_port(arguments, monkeypatch, tmp_path):
    started = []
    monkeypatch.setattr(series, "become", lambda *command: started.extend(command))
    monkeypatch.setattr(series, "READING", tmp_path / "reading")
    monkeypatch.setattr(series, "LIVE", tmp_path / "live.js")
    series.open_lab("python", arguments)
    folder = series.READING if "--fresh" in arguments else series.NOTEBOOKS
    assert f"--ServerApp.root_dir={folder}" in started
    assert "--fresh" not in started
    own_port = "--port=9999" in arguments
    assert any("ServerApp.port" in str(part) for part in started) != own_port
    assert series.LIVE.exists() != own_port
    assert arguments != ["--no-browser"] or "--no-browser" in started


def test_the_oldest_packages_are_the_lower_ends_of_all_ranges():
    config = series.project()["project"]
    lines = [*config["dependencies"], *sum(config["optional-dependencies"].values(), [])]
    direct = {line.partition(">=")[0]: line for line in lines if ">=" in line}
    pins = dict(pin.split("==") for pin in series.floors())
    assert pins.keys() == direct.keys()
    for name, version in pins.items():
        assert f"{name}>={version}," in direct[name]


def test_each_end_of_the_ranges_has_an_environment_of_its_own(monkeypatch):
    prepared = []
    monkeypatch.setattr(
        series.Environment, "prepare", lambda self, extra: prepared.append((self, extra))
    )
    monkeypatch.setattr(series, "become", lambda *command: prepared.append(command))
    monkeypatch.chdir(os.getcwd())
    for end in ("--oldest", "--newest"):
        series.main(["test", end, "-k", "x"])
        (environment, extra), command = prepared
        assert environment.folder.name.startswith(".venv-3.") and extra == "test"
        assert environment.folder.name.endswith(end[1:])
        assert bool(environment.pins) == (end == "--oldest")
        assert environment.upgrade == (end == "--newest")
        assert command == (environment.python, "-m", "pytest", "-k", "x")
        prepared.clear()


@pytest.fixture
def pytest_runs(monkeypatch):
    """The arguments with which pytest is started, and whether ruff was asked before."""
    asked, runs = [], []
    monkeypatch.setattr(series, "check_style", lambda python: asked.append(python))
    monkeypatch.setattr(
        series, "become", lambda *command: runs.append((list(command[3:]), bool(asked)))
    )
    return runs


@pytest.mark.parametrize(
    ("arguments", "handed_on", "whole"),
    [
        ([], [], True),
        (["--quick"], ["-m", series.QUICK], True),
        (["-k", "x"], ["-k", "x"], False),
        (["--quick", "-k", "x"], ["-m", series.QUICK, "-k", "x"], False),
    ],
)
def test_a_whole_run_asks_ruff_first_and_a_quick_one_leaves_out_what_is_marked(
    arguments, handed_on, whole, pytest_runs
):
    series.test("python", arguments)
    assert pytest_runs == [(handed_on, whole)]


@pytest.mark.slow
def test_the_quick_tests_hold_no_browser_and_no_notebook():
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0", "tests/browser"]
    done = subprocess.run(
        [*command, "tests/test_words.py", "notebooks/03_roofline.ipynb", "-m", series.QUICK],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    found = {line.partition("::")[0] for line in done.stdout.splitlines() if "::" in line}
    assert found == {"tests/test_words.py"}, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("code", "said"), [("import os\n", "check --fix"), ("x = {  }\n", "format")]
)
def test_what_ruff_objects_to_is_shown_before_any_test(code, said, folder, capfd):
    python = Path(sys.executable)
    series.check_style(python)
    (folder / "bad.py").write_text(code)
    with pytest.raises(SystemExit, match=f"No test was run.*ruff.*see above.*\n.*ruff {said} ."):
        series.check_style(python)
    assert "bad.py" in capfd.readouterr().out
