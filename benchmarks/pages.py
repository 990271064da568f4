"""Look at every page of a whole site as the tests look at one, in Chromium without a network.

Run by hand: ``.venv/bin/python benchmarks/pages.py [arguments of pytest]``. It builds the site with
Python in it, brings every page with a control to life, and walks through all by keyboard.
"""

import os
import sys
import tempfile
from pathlib import Path

import pytest

from helpers.publishing.site.build import build_site

TESTS = Path(__file__).resolve().parents[1] / "tests" / "browser" / "test_site_pages.py"


def main(arguments):
    with tempfile.TemporaryDirectory() as folder:
        site = (
            os.environ.get("SITE") or build_site(Path(folder) / "site", print, offline=True).parent
        )
        os.environ["SITE"] = str(site)
        return pytest.main([str(TESTS), "-n", "0", "-q", "--durations", "20", *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
