"""Is it alive, is it ready, how is it doing; and the documents that describe it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

from litestar import get
from litestar.connection import Request
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.response import Response

from hubbub.domain.answers import Answer, Done
from hubbub.domain.ids import now_utc, stamp
from hubbub.domain.model import Time
from hubbub.errors import HubbubError
from hubbub.rest import problems
from hubbub.rest.authentication import OPEN

REASONS: Final = ("ending", "database", "bus", "lag")
"""Words for machines: it was asked to end; the database does not answer; other processes cannot be heard; what is told to
clients is far behind the database."""
NotReady: TypeAlias = Callable[[], Mapping[str, str]]
"""Why this process should get no traffic just now: of `REASONS`, each with its sentence; empty when it should."""
METRICS_TYPE: Final = "text/plain; version=0.0.4"  # Litestar adds the charset
TAGS = ["server"]
_READY = {200: ResponseSpec(Done, generate_examples=False, description="Send it")}


class Health(Answer, frozen=True, kw_only=True):
    message: str
    timestamp: Time


@get("/health", tags=TAGS, sync_to_thread=False, summary="The server answers", **OPEN)
def health() -> Health:
    return Health(message="Hubbub is running", timestamp=stamp(now_utc()))


@get("/livez", tags=TAGS, sync_to_thread=False, summary="The process answers", **OPEN)
def livez() -> Done:
    return Done()


def root_handlers(
    not_ready: NotReady,
    metrics: Callable[[], Awaitable[bytes]],
    openapi_document: Callable[[], dict[str, Any]],
    asyncapi_document: dict[str, Any],
) -> list[HTTPRouteHandler]:
    """What is served at the root.

    Args:
        metrics: the metrics in Prometheus' text form.
        openapi_document: makes the document, as JSON values, or has it; called in a thread, for making it takes long.
        asyncapi_document: as JSON values.
    """

    @get("/readyz", tags=TAGS, sync_to_thread=False, summary="Whether to send traffic here", responses=_READY, **OPEN)
    def readyz(request: Request[Any, Any, Any]) -> Response[Any]:
        reasons = not_ready()
        if not reasons:
            return Response(Done())
        error = HubbubError("unavailable", "This process should get no traffic just now.")
        body = error.as_problem(problems.request_id_of(request.scope))
        body |= {"reasons": list(reasons.values()), "reasonCodes": list(reasons)}
        return Response(body, status_code=503, media_type=problems.MEDIA_TYPE, headers=problems.headers_of(error))

    @get("/metrics", tags=TAGS, media_type=METRICS_TYPE, summary="For Prometheus", **OPEN)
    async def read_metrics() -> bytes:
        return await metrics()

    @get("/openapi.json", tags=TAGS, sync_to_thread=True, summary="This document", **OPEN)
    def openapi() -> dict[str, Any]:
        return openapi_document()

    @get("/asyncapi.json", tags=TAGS, sync_to_thread=False, summary="The events of the socket", **OPEN)
    def asyncapi() -> dict[str, Any]:
        return asyncapi_document

    return [livez, readyz, read_metrics, openapi, asyncapi]
