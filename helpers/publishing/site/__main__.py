"""The whole site.

python -m helpers.publishing.site [--into FOLDER] [--offline]     what `series.py site` runs
"""

import argparse
import sys
import time
from pathlib import Path

from helpers.publishing.notebooks import ROOT
from helpers.publishing.site.build import build_site


def main(arguments):
    """Build the site, and say what was made and how long it took."""
    parser = argparse.ArgumentParser("series.py site", description="Build the site.")
    parser.add_argument("--into", type=Path, default=ROOT / "build" / "site", metavar="FOLDER")
    parser.add_argument("--offline", action="store_true", help="put Python itself into the site")
    options = parser.parse_args(arguments)
    begun = time.monotonic()

    def say(line):
        print(f"{time.monotonic() - begun:5.0f} s  {line}", flush=True)

    try:
        index = build_site(options.into.resolve(), say, offline=options.offline)
    except ValueError as error:
        sys.exit(f"No site was built. {error}")
    say(f"Site: {index}")


if __name__ == "__main__":
    main(sys.argv[1:])
