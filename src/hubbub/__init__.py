"""Hubbub: a chat backend you own. Python, PostgreSQL, Socket.IO.

Start reading at ARCHITECTURE.md; the path of one message is drawn there.
"""

__version__ = "0.1.0"
