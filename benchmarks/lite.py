"""Run notebooks in JupyterLite in Chromium without a network: do they say what is stored?

Then every control is moved, and every prediction is typed and scored.

Run by hand: ``.venv/bin/python benchmarks/lite.py [number ...]``, without a number all of them, a
minute each or less. Exit status 1 if one does not.
"""

import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path += [str(TESTS), str(TESTS / "browser")]

from playwright.sync_api import TimeoutError  # noqa: E402

import in_lite  # noqa: E402
import lab  # noqa: E402
import on_site  # noqa: E402
from helpers.publishing.notebooks import SERIES  # noqa: E402
from helpers.publishing.site import lite  # noqa: E402


def main(numbers):
    wrong = 0
    with tempfile.TemporaryDirectory() as folder, lab.chromium() as browser:
        lite.build(Path(folder) / "lite", offline=True)
        with on_site.serve(folder) as url:
            for notebook in SERIES:
                if numbers and notebook.number not in numbers:
                    continue
                context, start = browser.new_context(), time.monotonic()
                try:
                    visit = in_lite.run(context, url, notebook)
                except (AssertionError, TimeoutError) as error:
                    faults, did = [f"{type(error).__name__}: {error}"], "stopped"
                else:
                    faults = [*in_lite.faults(notebook, visit), *visit.elsewhere]
                    did = (
                        f"{len(visit.cells)} cells, {visit.moved} controls moved, "
                        f"{len(visit.compared)} predictions scored"
                    )
                context.close()
                seconds = time.monotonic() - start
                print(f"{notebook.number}: {did}, in {seconds:.0f} s", flush=True)
                for fault in faults:
                    print(f"  {fault}", flush=True)
                wrong += bool(faults)
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
