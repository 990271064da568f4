"""What a stored notebook holds of the machine and the kernel that made it: nothing."""

import re

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
BAR = re.compile(r" *\d+ %\|")  # how a progress bar prints; it is stored as it stood at the start


def drop_traces(notebook):
    """Take out of a notebook, in place, what only one machine and one kernel can use.

    A stored view of a control is good only as long as the kernel that made it lives; afterwards
    JupyterLab shows an error in its place, although a picture stands beside it. And JupyterLab
    writes the versions of Python and of the kernel into whatever is opened. A progress bar is over.
    """
    if notebook["metadata"].get("kernelspec", {}).get("name") == METADATA["kernelspec"]["name"]:
        notebook["metadata"].update(METADATA)
    for cell in notebook["cells"]:
        outputs = cell.get("outputs", [])
        for output in outputs:
            output.get("data", {}).pop(WIDGET_VIEW, None)
        outputs[:] = [one for one in outputs if not BAR.match(_words(one))]


def _words(output):
    words = output.get("data", {}).get("text/plain", "")
    return words if isinstance(words, str) else "".join(words)
