#!/usr/bin/env python3
"""How Fast Can It Train? What a command needs is installed first, into .venv beside this file.

python3 series.py open              read and run the notebooks in JupyterLab
python3 series.py open --fresh      the same on copies without results, in the folder reading/
python3 series.py slides            make a lecture of each notebook, for a browser
python3 series.py site              make a site of the series, and a book, in build/site
python3 series.py test              check the style, run every test and every notebook
python3 series.py test --quick      the same in a minute: no browser, no notebook, nothing slow
python3 series.py test --oldest     the same on the oldest packages that pyproject.toml allows
python3 series.py test --newest     the same on the newest, in an environment of its own each
python3 series.py store [notebook]  run notebooks and store their outputs

What follows goes to JupyterLab (open) or to pytest (test).
"""

import difflib
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

OLDEST_PYTHON = (3, 11)
ROOT = Path(__file__).resolve().parent
NOTEBOOKS = ROOT / "notebooks"
READING = ROOT / "reading"  # copies for a reader to write in; git does not see them
LIVE = ROOT / "build" / "live.js"  # tells the slides where JupyterLab answers
FIRST_PORT = 8888
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
QUICK = "not browser and not slow"  # the markers of pyproject.toml
TRACES_OF_NO_NETWORK = ("Retrying (", "NewConnectionError", "NameResolutionError", "Max retries")


def say(line):
    print(line, flush=True)


class Environment:
    """A virtual environment beside this file, and what is installed in it."""

    def __init__(self, name=".venv", pins=(), upgrade=False):
        self.folder = ROOT / name
        self.pins = list(pins)
        self.upgrade = upgrade
        self.python = self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        self.stamp = self.folder / "installed.json"  # written last

    def prepare(self, extra=""):
        """Install what pyproject.toml asks for, with one of its extras, unless it is there."""
        if self._has(extra):
            return
        try:
            with only_one_installs():
                if not self._has(extra):  # the other start may have done it
                    self._install(extra)
        except KeyboardInterrupt:
            say("\nStopped. The same command takes it up again.")
            sys.exit(130)

    def _has(self, extra):
        try:
            installed = json.loads(self.stamp.read_text())
        except (OSError, ValueError):
            return False
        return installed["from"] == self._fingerprint() and extra in installed["extras"]

    def _fingerprint(self):
        """What it depends on: the requirements, this folder (editable install), this Python."""
        config = project()
        made_from = [config["project"], config["tool"]["setuptools"], str(ROOT), sys.version]
        return hashlib.sha256(json.dumps([*made_from, self.pins]).encode()).hexdigest()

    def _install(self, extra):
        if importlib.util.find_spec("ensurepip") is None:
            install_venv_module()
        say(f"Installing into {self.folder.name}; the first time takes a minute or two")
        if not self._has(""):
            run_shown([sys.executable, "-m", "venv", "--clear", self.folder])
        constraints = self.folder / "pins.txt"
        constraints.write_text("\n".join(self.pins))
        run_shown(
            [
                *(self.python, "-m", "pip", "install", "--disable-pip-version-check"),
                *("--progress-bar=off", "--no-color", "--retries=2", "--timeout=15"),
                *(["--upgrade", "--upgrade-strategy=eager"] if self.upgrade else []),
                *("--constraint", constraints, "--editable", f"{ROOT}[{extra}]".replace("[]", "")),
            ]
        )
        extras = ["", "publish", "test"]
        known = extras[: extras.index(extra) + 1]  # each extra holds the ones before it
        self.stamp.write_text(json.dumps({"from": self._fingerprint(), "extras": known}))


def project():
    import tomllib  # Python 3.11: not before the check for an older one has spoken

    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def floors():
    """The oldest version of each direct requirement, as pins."""
    table = project()["project"]
    lines = [*table["dependencies"], *sum(table["optional-dependencies"].values(), [])]
    return [line.partition(",")[0].replace(">=", "==") for line in lines if ">=" in line]


@contextmanager
def only_one_installs():
    """Wait until no other start installs here. The lock ends with its process."""
    if os.name == "nt":
        import msvcrt

        def take(file):
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        def take(file):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    try:
        file = open(ROOT / ".venv.lock", "w")
    except OSError:
        sys.exit(
            f"Nothing can be written in {ROOT}.\n"
            "Copy the folder to where you may write, and run the same command there."
        )
    with file:
        waiting = False
        while True:
            try:
                take(file)
                break
            except OSError:
                if not waiting:
                    say("Another start is installing here: waiting for it")
                waiting = True
                time.sleep(0.5)
        yield


def run_shown(command):
    """Run a command, show what it is at in one line that changes, and leave if it fails."""
    start, shown, lines = time.monotonic(), 0, []
    command = [str(part) for part in command]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, **pipes, errors="replace") as process:
        reader = threading.Thread(target=lambda: lines.extend(process.stdout), daemon=True)
        reader.start()
        try:
            while reader.is_alive():
                reader.join(0.5)
                seconds = round(time.monotonic() - start)
                at = next((line for line in lines[::-1] if "WARNING" not in line), "")
                now = f"{seconds:4} s  {at.strip()[:66]:66}"
                if sys.stdout.isatty():
                    print(f"\r{now}", end="", flush=True)
                elif seconds >= shown + 20:
                    shown = seconds
                    say(now.rstrip())
            code = process.wait()
        finally:
            process.kill()
    if sys.stdout.isatty():
        print("\r" + " " * 74 + "\r", end="", flush=True)
    if code:
        text = "".join(lines)
        if any(trace in text for trace in TRACES_OF_NO_NETWORK):
            sys.exit(
                "The packages could not be reached. Is there a network?\n"
                "Connect, and run the same command again."
            )
        sys.exit("".join(lines[-12:]) + "Installing failed. The same command tries again.")


def install_venv_module():
    """Debian and Ubuntu leave ensurepip, without which venv fails, to a package of its own."""
    package = f"python3.{sys.version_info.minor}-venv"
    apt_get = ["apt-get"] if IS_ROOT else ["sudo", "apt-get"]
    install = [*apt_get, "install", "-y", package]
    say("Python lacks its venv module; installing it: " + " ".join(install))
    if not (shutil.which(apt_get[0]) and shutil.which("apt-get")):
        sys.exit(f"Cannot do that here. Install {package} by other means, then run this again.")
    if subprocess.call(install) != 0:
        subprocess.call([*apt_get, "update"])  # fresh images come without the package lists
        if subprocess.call(install) != 0:
            sys.exit("That failed, see above. Once it is installed, run this again.")


def become(*command):
    """Run the command in this process's place, so that Ctrl-C and the exit code are its own."""
    if os.name != "nt":
        os.execv(command[0], command)
    # Windows has no exec that keeps the console: wait, and leave Ctrl-C to the command.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(subprocess.call(command))


def copy_without_results(folder):
    """Copy the notebooks without their outputs; what the reader has there stays as it is."""
    kept = 0
    for source in sorted(path for path in NOTEBOOKS.rglob("*") if path.is_file()):
        copy = folder / source.relative_to(NOTEBOOKS)
        if ".ipynb_checkpoints" in source.parts:
            continue
        if copy.exists():
            kept += copy.suffix == ".ipynb"
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix != ".ipynb":
            shutil.copy(source, copy)
            continue
        notebook = json.loads(source.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                cell.update(outputs=[], execution_count=None)
        copy.write_text(json.dumps(notebook, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    say(f"Copies without results are in {folder.name}/; the notebooks themselves stay as they are")
    if kept:
        say(f"{kept} copies were there and are kept; remove {folder.name}/ to begin anew")


def free_port():
    """The first port that nobody holds, so that the slides can be told."""
    for port in range(FIRST_PORT, FIRST_PORT + 100):
        with socket.socket() as probe:
            if os.name != "nt":  # a port that was just left is free; on Windows this means more
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    sys.exit(f"No port from {FIRST_PORT} to {FIRST_PORT + 99} is free.")


def tell_the_slides(port):
    try:
        LIVE.parent.mkdir(exist_ok=True)
        LIVE.write_text(f'window.liveServer = "http://localhost:{port}";\n')
    except OSError:
        pass  # a folder that cannot be written has no slides


def open_lab(python, arguments):
    folder = NOTEBOOKS
    if "--fresh" in arguments:
        arguments = [argument for argument in arguments if argument != "--fresh"]
        folder = READING
        copy_without_results(folder)
    if not any("port" in argument for argument in arguments):
        port = free_port()
        arguments = [f"--ServerApp.port={port}", *arguments]
        tell_the_slides(port)
    say("Opening JupyterLab; stop it with Ctrl-C")
    become(python, "-m", "helpers.publishing.server", f"--ServerApp.root_dir={folder}", *arguments)


def check_style(python):
    """Leave if ruff has anything to say of the code, in modules and in notebooks."""
    for step, mend in ((["check"], "check --fix"), (["format", "--check"], "format")):
        if subprocess.call([python, "-m", "ruff", *step, "--no-cache", "--quiet", "."], cwd=ROOT):
            sys.exit(
                "No test was run: ruff objects to the code, see above.\n"
                f"Try `{python} -m ruff {mend} .`, then run this again."
            )


def test(python, arguments):
    quick = "--quick" in arguments
    arguments = [argument for argument in arguments if argument != "--quick"]
    if not arguments:
        check_style(python)
    if quick:
        arguments = ["-m", QUICK, *arguments]
    say(f"Running {'the quick tests' if quick else 'every test and every notebook'}")
    become(python, "-m", "pytest", *arguments)


def store(python, arguments):
    become(python, "-m", "helpers.publishing.store", *arguments)


def slides(python, arguments):
    become(python, "-m", "helpers.publishing.slides", *arguments)


def site(python, arguments):
    become(python, "-m", "helpers.publishing.site", *arguments)


# Each command, and the extra of pyproject.toml that it needs.
COMMANDS = {
    "open": (open_lab, ""),
    "site": (site, "publish"),
    "slides": (slides, "publish"),
    "store": (store, "test"),
    "test": (test, "test"),
}


def main(arguments):
    if sys.version_info < OLDEST_PYTHON:
        needed, found = (".".join(map(str, v[:2])) for v in (OLDEST_PYTHON, sys.version_info))
        sys.exit(f"This needs Python {needed} or newer; this is Python {found}.")
    command, *arguments = arguments or ["--help"]
    if command in ("-h", "--help", "help"):
        return say(__doc__.strip())
    if command not in COMMANDS:
        near = difflib.get_close_matches(command, COMMANDS, n=1)
        meant = f"; did you mean {near[0]}?" if near else "."
        usage = f"The commands are {', '.join(COMMANDS)}; --help tells more."
        print(f"There is no command {command!r}{meant}\n{usage}", file=sys.stderr)
        sys.exit(2)
    run, extra = COMMANDS[command]
    environment = Environment()
    for end, settings in (("--oldest", {"pins": floors()}), ("--newest", {"upgrade": True})):
        if command == "test" and end in arguments:
            arguments.remove(end)
            version = ".".join(map(str, sys.version_info[:2]))
            environment = Environment(f".venv-{version}{end[1:]}", **settings)
    os.chdir(ROOT)
    environment.prepare(extra)
    run(environment.python, arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
