"""What a stored notebook holds of the machine and the kernel that made it: nothing."""

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def drop_traces(notebook):
    """Take out of a notebook, in place, what only one machine and one kernel can use.

    A stored view of a control is good only as long as the kernel that made it lives; afterwards
    JupyterLab shows an error in its place, although a picture stands beside it. And JupyterLab
    writes the versions of Python and of the kernel into whatever is opened.
    """
    if notebook["metadata"].get("kernelspec", {}).get("name") == METADATA["kernelspec"]["name"]:
        notebook["metadata"].update(METADATA)
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET_VIEW, None)
