"""What controls say in Pyodide, run by node from the folder of a site, and what they say here."""

import json
import subprocess
from pathlib import Path

import walk
from helpers.controls import every_control

LIVE = Path(__file__).parent


def both(site, work, makers, packages=(), combinations=walk.COMBINATIONS):
    """The states of controls, here and there: two dictionaries by the names of `makers`.

    Parameters
    ----------
    site : Path
        The folder live/ of a site.
    work : Path
        A folder for files.
    makers : dict
        Expressions that make a control, of the classes of `helpers.controls`.
    packages : sequence of str
        What Pyodide has to load first.
    combinations : int
        Of random positions.
    """
    script, there, here = (work / name for name in ("script.py", "there.json", "here.json"))
    made = ", ".join(f"{name!r}: lambda: {maker}" for name, maker in makers.items())
    named = [kind for kind in every_control() if f"{kind.__name__}(" in made]
    imports = "".join(f"from {kind.__module__} import {kind.__name__}\n" for kind in named)
    kinds = f"{imports}kinds = {{{made}}}\n"
    load = f"from js import load\nawait load({' '.join(packages)!r})\n" if packages else ""
    walked = Path(walk.__file__).read_text("utf-8")
    script.write_text(
        f"{load}{walked}\n{kinds}write('/out.json', kinds, {combinations})\n", "utf-8"
    )
    command = ["node", LIVE / "drive.mjs", site, script, there]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        names = {}
        exec(kinds, names)
        walk.write(here, names["kinds"], combinations)
        assert not process.wait(3600), process.stderr.read()
    return tuple(json.loads(path.read_text("utf-8")) for path in (here, there))
