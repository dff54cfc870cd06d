"""The socket that both servers listen on."""

import socket

__all__ = ["listen"]


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket whose connections send at once.

    asyncio would say so itself, but not for sockets that it did not make; then each small reply on a connection that is
    used again waits 40 ms for an acknowledgement. On Linux a connection takes the option from its listener.
    """
    listening = socket.create_server((host, port), backlog=2048)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening
