"""The program of one worker: `python -m hubbub.workers.child <descriptor> <number>`, started by `parent.py` alone.

The number is there for whoever lists the processes; the worker is told it over its line to the parent.
"""

from __future__ import annotations

import sys

import structlog

from hubbub import app
from hubbub.config import ConfigError
from hubbub.postgres import PostgresUnavailable
from hubbub.telemetry import configure_logs
from hubbub.workers.place import Link

log = structlog.get_logger("worker")


def main() -> int:
    """Serve until a signal, or the end of the parent; the exit status."""
    link = Link(int(sys.argv[1]))
    try:
        settings, place = link.receive()
    except EOFError:
        return 1
    configure_logs(settings.log_level, settings.log_format)
    structlog.contextvars.bind_contextvars(worker=place.number)
    try:
        app.serve_place(settings, place, link)
    except PostgresUnavailable as unavailable:
        link.failed(f"{unavailable.trouble.title}. {unavailable.trouble.detail}")
        return 1
    except ConfigError as error:
        link.failed(str(error))
        return 1
    except Exception as error:
        log.exception("this worker ends")
        # Of what was not expected only the kind is told: PostgreSQL's errors may quote the whole row.
        link.failed(f"{type(error).__name__}: {error.strerror}" if isinstance(error, OSError) else type(error).__name__)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
