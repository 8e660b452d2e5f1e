"""Bytes and text to values and back: Engine.IO 4, Socket.IO 5 and the server's half of WebSocket framing.

Sans-IO: nothing here waits, reads a clock or touches a socket; the time is an argument. What cannot be decoded
raises a `WireError` (`errors.py`) and nothing else, whatever the bytes. Before it: `realtime/`, which owns the
sockets and calls in. After it: nothing; this package imports only `msgspec`.

Section names in comments are those of the two specifications in the socketio/socket.io repository:
`docs/engine.io-protocol/v4-current.md` (EIO) and `docs/socket.io-protocol/v5-current.md` (SIO), and RFC 6455.
"""
