"""JupyterLab as the series wants it.

python -m helpers.publishing.server [arguments for JupyterLab]    what `series.py open` runs
"""

import os
import sys
from pathlib import Path

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

from helpers.publishing.traces import drop_traces


class PromptConnection(ZMQChannelsWebsocketConnection):
    """Sends every message of a kernel at once.

    A step of a slider is answered by several short messages. Without this, TCP holds all but the
    first back until the browser has acknowledged it, which takes about 40 ms (Nagle's algorithm).
    """

    def connect(self):
        """Connect as usual, on a socket that does not wait."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()


def before_saving(model, **_):
    """Store no traces in a notebook: what is open stays as it is, what is reopened shows pictures.

    Parameters
    ----------
    model : dict
        What is to be saved, as Jupyter Server hands it to its `pre_save_hook`; changed in place.
    """
    if model["type"] == "notebook":
        drop_traces(model["content"])


def main(arguments):
    """Run JupyterLab until it is stopped, with these settings and any further arguments for it."""
    from jupyterlab.labapp import LabApp  # it changes the filters of warnings as it is imported

    folder = Path(__file__).resolve().parents[2] / "notebooks"
    root_is_given = any("root_dir" in argument for argument in arguments)
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    LabApp.launch_instance(
        [
            "--ServerApp.kernel_websocket_connection_class=helpers.publishing.server.PromptConnection",
            "--ContentsManager.pre_save_hook=helpers.publishing.server.before_saving",
            "--LabApp.default_url=/lab/tree/00_start_here.ipynb",
            *([] if root_is_given else [f"--ServerApp.root_dir={folder}"]),
            *(["--allow-root"] if is_root else []),
            *arguments,
        ]
    )


if __name__ == "__main__":
    main(sys.argv[1:])
