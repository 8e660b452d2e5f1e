"""The pages, for people (`/`) and for programmers (`/docs`): the files of a folder, read once at start and served from memory.

Promises: only files that were there are served, so that no address reaches outside the folder; each has its type,
an ETag of its contents and its time; who has it already is answered 304 (RFC 9110, sections 13.1.2 and 13.1.3).
The address of a folder with a page leads to the page, with a slash behind it, which its own addresses count from.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any, Final

from litestar.types import ASGIApp, Receive, Send

TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
"""The files that are served, by their ending; others stay where they are."""


@dataclass(frozen=True, slots=True, repr=False)
class Page:
    """One file as it is sent."""

    body: bytes
    media_type: str
    etag: str
    modified: datetime

    def is_held(self, headers: dict[bytes, bytes]) -> bool:
        """Whether the client says that it has this very file."""
        tags = headers.get(b"if-none-match")
        if tags is not None:
            names = {tag.strip().removeprefix("W/") for tag in tags.decode("latin-1").split(",")}
            return self.etag in names or "*" in names
        since = headers.get(b"if-modified-since")
        if since is None:
            return False
        try:
            return self.modified <= parsedate_to_datetime(since.decode("latin-1"))
        except (ValueError, TypeError):
            return False


def read_pages(folder: Path) -> dict[str, Page]:
    """The files of a folder by the address each is served at; `index.html` also at its folder's."""
    pages: dict[str, Page] = {}
    for file in sorted(folder.rglob("*")):
        media_type = TYPES.get(file.suffix)
        if media_type is None or not file.is_file():
            continue
        body = file.read_bytes()
        page = Page(
            body=body,
            media_type=media_type,
            etag=f'"{hashlib.sha256(body).hexdigest()[:32]}"',
            modified=datetime.fromtimestamp(int(file.stat().st_mtime), UTC),
        )
        address = "/" + file.relative_to(folder).as_posix()
        pages[address] = page
        if file.name == "index.html":
            pages[address.removesuffix("index.html")] = page
    return pages


class WebPage:
    """An ASGI application: GET of a file is answered here, everything else by `application`."""

    def __init__(self, application: ASGIApp, folder: Path) -> None:
        self._application = application
        self._pages = read_pages(folder)
        self._folders = {address[:-1] for address in self._pages if address.endswith("/") and address != "/"}

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        page = self._pages.get(scope["path"]) if scope["type"] == "http" else None
        if scope["type"] == "http" and scope["path"] in self._folders and scope["method"] == "GET":
            scope["path_template"] = "page"
            name = scope["path"].rpartition("/")[2]  # relative: whatever a proxy has put before it stays
            headers = [(b"location", f"{name}/".encode()), (b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 308, "headers": headers})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        if page is None or scope["method"] != "GET":
            await self._application(scope, receive, send)
            return
        scope["path_template"] = "page"
        held = page.is_held(dict(scope["headers"]))
        headers = [
            (b"content-type", page.media_type.encode()),
            (b"etag", page.etag.encode()),
            (b"last-modified", format_datetime(page.modified, usegmt=True).encode()),
            (b"cache-control", b"no-cache"),
            # The same for everybody; pages elsewhere import js/client.
            (b"access-control-allow-origin", b"*"),
            (b"cross-origin-resource-policy", b"cross-origin"),
        ]
        if not held:
            headers.append((b"content-length", str(len(page.body)).encode()))
        await send({"type": "http.response.start", "status": 304 if held else 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if held else page.body, "more_body": False})
