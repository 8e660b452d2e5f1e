"""Open files: how many connections they allow. Each connection takes one, or up to `LED` where workers speak TLS.

At start the soft limit is raised as far as is wanted and the hard one lets it be. What is still too few then is a
matter of `ulimit -Hn` or of the service manager; the log and `hubbub doctor` say so.
"""

from __future__ import annotations

import resource
from typing import Final

MOST: Final = 100_000  # connections, where the operator does not say how many
LED: Final = 3  # files of a connection whose TLS ends at one worker and whose session is another's: 2 there, 1 here
_OWN: Final = 200  # files that are no connections: the database's pool, logs, libraries
_SHARE: Final = 0.95  # of the rest; connections that are closing hold theirs a moment longer


def files_for(connections: int) -> int:
    """How many open files so many connections need."""
    return int(connections / _SHARE) + _OWN + 1


def connections_within(files: int) -> int:
    """How many connections so many open files allow."""
    return max(1, int((files - _OWN) * _SHARE))


def within_reach(connections: int) -> int:
    """So many connections, or fewer, where the limit on open files allows no more however far it is raised."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY in (soft, hard):
        return connections
    return min(connections, connections_within(hard))


def make_room(connections: int) -> int:
    """Raise the soft limit for so many connections, as far as it may be; how many are possible then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    possible = within_reach(connections)
    if soft not in (resource.RLIM_INFINITY, hard) and soft < files_for(possible):
        files = files_for(possible)
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (files if hard == resource.RLIM_INFINITY else min(files, hard), hard)
        )
    return possible
