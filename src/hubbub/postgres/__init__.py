"""PostgreSQL, embedded or external, behind one face.

`server_for(settings)` gives the server; `await start(progress)` its `ConnectionSpec`; whatever fails is a
`PostgresUnavailable` whose `trouble` tells people and machines what is wrong and which command mends it.
Read `server.py` first, then `embedded.py` or `external.py`.
"""

from hubbub.postgres.address import listen_spec
from hubbub.postgres.server import PostgresServer, Progress, server_for
from hubbub.postgres.spec import ConnectionSpec, Tls
from hubbub.postgres.troubles import PostgresUnavailable, Trouble, diagnose

__all__ = [
    "ConnectionSpec",
    "PostgresServer",
    "PostgresUnavailable",
    "Progress",
    "Tls",
    "Trouble",
    "diagnose",
    "listen_spec",
    "server_for",
]
