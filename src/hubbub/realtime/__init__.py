"""The socket edge: Engine.IO 4 and Socket.IO 5 over WebSocket and long-polling. Knows no chat.

A message comes in through `websocket.py` or `polling.py`, goes to its `connection.py`, then through `dispatch.py` to
the application's `Handlers`; what the application says goes out through `broadcast.py`. `server.py` puts them
together; `registry.py` holds the connections; `tls.py` and `http.py` bound what comes before any of it; `siblings.py` is for
several processes behind one port, `nodes.py` for several nodes behind one address. Imports `wire` and `errors` alone.
"""

from hubbub.realtime.application import Args, ConnectRefused, Handlers, Pending, Socket
from hubbub.realtime.broadcast import Encoded, broadcast, bundle, encode_event, encode_event_json
from hubbub.realtime.connection import Connection
from hubbub.realtime.http import BoundedHttp
from hubbub.realtime.nodes import Address, Nodes
from hubbub.realtime.registry import Options, Stats
from hubbub.realtime.server import Realtime
from hubbub.realtime.siblings import Client, SharedHttp, Siblings
from hubbub.realtime.tls import Handshakes, HandshakeStats
from hubbub.realtime.transport import Handler
from hubbub.realtime.tunnel import NodeHttp

__all__ = [
    "Address",
    "Args",
    "BoundedHttp",
    "Client",
    "ConnectRefused",
    "Connection",
    "Encoded",
    "Handler",
    "Handlers",
    "HandshakeStats",
    "Handshakes",
    "NodeHttp",
    "Nodes",
    "Options",
    "Pending",
    "Realtime",
    "SharedHttp",
    "Siblings",
    "Socket",
    "Stats",
    "broadcast",
    "bundle",
    "encode_event",
    "encode_event_json",
]
