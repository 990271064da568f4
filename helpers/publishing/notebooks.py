"""The notebooks of the series."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
EXAMINATION = "11_examination.ipynb"  # is worked on, not shown
LECTURES = sorted(path for path in NOTEBOOKS.glob("*.ipynb") if path.name != EXAMINATION)
