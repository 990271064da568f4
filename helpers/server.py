"""What `series.py open` adds to Jupyter Server."""

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class PromptConnection(ZMQChannelsWebsocketConnection):
    """Sends every message of a kernel at once.

    A step of a slider is answered by several short messages. Without this, TCP holds all but the
    first back until the browser has acknowledged it, which takes about 40 ms (Nagle's algorithm).
    """

    def connect(self):
        """Connect as usual, on a socket that does not wait."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()
