#!/usr/bin/env python3
"""Open or test the series. Everything either needs is installed into .venv beside this file.

python3 series.py open [arguments for JupyterLab]   read and run the notebooks
python3 series.py test [arguments for pytest]       run every test and every notebook
python3 series.py store [notebooks]                 run notebooks and store their outputs
python3 series.py slides                            make a lecture of each notebook, for a browser
"""

import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

OLDEST_PYTHON = (3, 11)
ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "made-from.sha256"
# A slider is answered at once, and no dead view is stored; see helpers/server.py.
SERVER = (
    "--ServerApp.kernel_websocket_connection_class=helpers.server.PromptConnection",
    "--ContentsManager.pre_save_hook=helpers.server.before_saving",
)
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def say(line):
    print(line, flush=True)


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


def fingerprint():
    """What .venv depends on: the requirements, this folder (editable install) and this Python."""
    import tomllib  # Python 3.11: not before the check for an older one has spoken

    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    made_from = [config["project"], config["tool"]["setuptools"], str(ROOT), sys.version]
    return hashlib.sha256(json.dumps(made_from).encode()).hexdigest()


def prepare():
    """Make .venv anew unless its stamp, written last, says that it is complete and up to date."""
    wanted = fingerprint()
    if STAMP.is_file() and STAMP.read_text() == wanted and PYTHON.exists():
        return
    if importlib.util.find_spec("ensurepip") is None:
        install_venv_module()
    say("First start or new requirements: installing into .venv, about two minutes")
    pip_install = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in (
        [sys.executable, "-m", "venv", "--clear", VENV],
        [*pip_install, "--editable", f"{ROOT}[test]"],
    ):
        if code := subprocess.call(command):
            say("Installing failed, see above. The same command tries again.")
            sys.exit(code)
    STAMP.write_text(wanted)


def become(*command):
    """Run the command in this process's place, so that Ctrl-C and the exit code are its own."""
    if os.name != "nt":
        os.execv(command[0], command)
    # Windows has no exec that keeps the console: wait, and leave Ctrl-C to the command.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(subprocess.call(command))


def open_lab(arguments):
    say("Opening JupyterLab; stop it with Ctrl-C")
    become(
        PYTHON,
        *("-m", "jupyterlab", f"--ServerApp.root_dir={ROOT / 'notebooks'}"),
        "--LabApp.default_url=/lab/tree/00_start_here.ipynb",
        *SERVER,
        *(["--allow-root"] if IS_ROOT else []),
        *arguments,
    )


def test(arguments):
    say("Running every test and every notebook")
    become(PYTHON, "-m", "pytest", *arguments)


def store(arguments):
    become(PYTHON, ROOT / "tests" / "store_outputs.py", *arguments)


def slides(arguments):
    become(PYTHON, "-m", "helpers.pages", *arguments)


COMMANDS = {"open": open_lab, "test": test, "store": store, "slides": slides}


def main(arguments):
    if sys.version_info < OLDEST_PYTHON:
        needed, found = (".".join(map(str, v[:2])) for v in (OLDEST_PYTHON, sys.version_info))
        sys.exit(f"This needs Python {needed} or newer; this is Python {found}.")
    if not arguments or arguments[0] not in COMMANDS:
        sys.exit(__doc__)
    os.chdir(ROOT)
    prepare()
    COMMANDS[arguments[0]](arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
