"""Chromium, or what is built on it: it prints the book, and the tests look at pages with it."""

import os
import shutil
import subprocess
import tempfile

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
NO_CHROMIUM = (
    "no chromium found; install it (Debian: apt-get install chromium) or set CHROMIUM to its path"
)
# Containers offer no user namespaces for the sandbox; the rest keeps the browser to itself.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def find_chromium():
    """Path of the browser: ``$CHROMIUM``, else the first of `BROWSERS` on the path, else None."""
    return next(filter(None, map(shutil.which, (os.environ.get("CHROMIUM", ""), *BROWSERS))), None)


def print_page(page, pdf):
    """Print a page, a file here, as a PDF with an outline of its headings.

    Parameters
    ----------
    page, pdf : Path

    Raises
    ------
    RuntimeError
        If the browser does not print it.
    """
    with tempfile.TemporaryDirectory() as profile:
        command = [
            *(find_chromium(), "--headless", *ARGUMENTS, f"--user-data-dir={profile}"),
            *("--no-pdf-header-footer", "--generate-pdf-document-outline"),
            *(f"--print-to-pdf={pdf}", page.as_uri()),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode or not pdf.is_file():
        raise RuntimeError(f"{page.name} was not printed:\n{done.stderr}")
