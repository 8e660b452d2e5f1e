"""REST and the page, put together: one ASGI application for `app.py`.

Read from the outside in: `edge.py` (what every answer has) → `web.py` (files of the page) → Litestar (CORS, routes,
the guard of `authentication.py`, the handlers).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from litestar import Litestar, Router
from litestar.config.cors import CORSConfig
from litestar.di import Provide
from litestar.types import ASGIApp, ControllerRouterHandler

import hubbub
from hubbub.chat.context import Chat
from hubbub.config import Settings
from hubbub.rest import auth, health, messages, problems, rooms, users
from hubbub.rest.authentication import actor_of, guard
from hubbub.rest.body import JsonRequest, refuse_longer_than
from hubbub.rest.document import make_document
from hubbub.rest.edge import SafeEdge
from hubbub.rest.stats import RestStats
from hubbub.rest.web import WebPage


def make_application(
    chat: Chat,
    settings: Settings,
    *,
    not_ready: health.NotReady,
    metrics: Callable[[], Awaitable[bytes]],
    asyncapi: Mapping[str, Any],
    stats: RestStats,
    traced: Callable[[ASGIApp], ASGIApp],
    web: Path | None = None,
) -> ASGIApp:
    """The ASGI application of everything but the socket.

    Args:
        settings: `max_payload` and `cors_origin` are read.
        not_ready: why this process should get no traffic just now, by `health.REASONS`; empty when it should.
        metrics: the metrics in Prometheus' text form.
        asyncapi: the document of the socket's events.
        stats: counted in.
        traced: what looks on while a request is answered, once it has its id.
        web: the folder of the page; the package's own when left out.
    """

    @cache
    def openapi() -> dict[str, Any]:
        # Made when it is first asked for: to describe everything takes as long as all the rest of the start.
        return make_document(handlers, dependencies)

    handlers: list[ControllerRouterHandler] = [
        Router(
            "/api", route_handlers=[health.health, *auth.HANDLERS, *users.HANDLERS, *rooms.HANDLERS, *messages.HANDLERS]
        ),
        *health.root_handlers(not_ready, metrics, openapi, dict(asyncapi)),
    ]
    dependencies = {
        "chat": Provide(lambda: chat, sync_to_thread=False),
        "actor": Provide(actor_of, sync_to_thread=False),
    }
    litestar = Litestar(
        handlers,
        dependencies=dependencies,
        guards=[refuse_longer_than(settings.max_payload), guard(chat)],
        request_class=JsonRequest,
        request_max_body_size=settings.max_payload,
        exception_handlers={Exception: problems.answer_error},
        cors_config=_cors(settings.cors_origin),
        openapi_config=None,
        logging_config=None,
        debug=False,
        pdb_on_exception=False,  # whatever the environment says
    )
    page = WebPage(litestar, web or Path(hubbub.__file__).parent / "web")
    return SafeEdge(traced(page), stats)


def _cors(origins: tuple[str, ...]) -> CORSConfig | None:
    """Whose pages may call; nobody's but our own where none is named. Tokens are in headers, never in cookies."""
    if not origins:
        return None
    return CORSConfig(
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "x-access-token", "X-Request-Id"],
        expose_headers=["X-Request-Id", "Retry-After"],
        max_age=600,
    )
