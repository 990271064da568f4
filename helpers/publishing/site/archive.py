"""Archives that are the same bytes for the same content, and the helpers in them."""

import zipfile
from pathlib import Path

HELPERS = Path(__file__).parents[2]


def put(archive, name, content, how=zipfile.ZIP_DEFLATED):
    """Write a file into a zip archive, with one date for all: 1980."""
    archive.writestr(zipfile.ZipInfo(name), content, how)


def put_helpers(archive, left_out):
    """Write the modules of helpers and their data, but for some of its folders."""
    for file in sorted(HELPERS.rglob("*")):
        parts = file.relative_to(HELPERS).parts
        if file.suffix in (".py", ".csv", ".json") and parts[0] not in left_out:
            put(archive, f"helpers/{'/'.join(parts)}", file.read_bytes())
