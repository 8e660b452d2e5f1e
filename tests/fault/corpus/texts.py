"""B80 to B88: characters that break, deceive or run, in messages, names and addresses."""

from __future__ import annotations

from typing import Final

from tests.fault.corpus.entry import Entry, Event, Frames, Request

JSON: Final = {"Content-Type": "application/json"}
BIDI: Final = "\u202egnp.exe\u2066x\u2069"
ZWJ: Final = "👩\u200d👩\u200d👧\u200d👦"
SHOWN: Final = "\x1b[31mred\x1b[0m\x07\r\nlevel=error"


def said(text: str) -> Event:
    """A message that is taken; the runner sees that it was stored byte for byte."""
    return Event("send-message", {"message": text, "room": "<arena>"}, None)


def refused(text: str, code: str = "validation_failed") -> Event:
    return Event("send-message", {"message": text, "room": "<arena>"}, code)


def room(**fields: object) -> Request:
    return Request("POST", "/api/rooms", {"name": "a new room", **fields}, 422, "validation_failed", "eve", JSON)


def profile(**fields: object) -> Request:
    return Request("PATCH", "/api/users/<eve_id>", fields, 422, "validation_failed", "eve", JSON)


ENTRIES: Final = (
    *(Entry(80, f"a message with NUL {where}", refused(text))
      for where, text in (("inside", "a\0b"), ("alone", "\0"), ("at its end", "a\0"))),
    Entry(80, "a message that is only spaces", refused(" \u3000\n\t")),
    Entry(80, "a message that is empty", refused("")),
    Entry(80, "NUL in the name of a room", room(name="a\0b")),
    Entry(80, "NUL in a description", room(description="a\0b")),
    Entry(80, "NUL in a biography", profile(bio="a\0b")),
    Entry(80, "NUL in the name of a room to send to", Event("send-message", {"message": "x", "room": "a\0b"}, "not_found")),
    Entry(81, "half a surrogate in a message", Frames((r'42["send-message",{"message":"\ud800","room":"<arena>"}]',))),
    Entry(81, "half a surrogate in a body", Request(
        "POST", "/api/rooms/<arena>/messages", rb'{"message":"\ud800"}', 400, "bad_request", "eve", JSON)),
    Entry(81, "surrogates the wrong way round", Frames((r'42["send-message",{"message":"\udc00\ud800","room":"<arena>"}]',))),
    Entry(81, "a surrogate as bytes", Request(
        "POST", "/api/rooms/<arena>/messages", b'{"message":"\xed\xa0\x80"}', 400, "bad_request", "eve", JSON)),
    Entry(82, "directions turned round, in a message", said(BIDI), note="kept in texts, as people of two scripts need them; refused in names"),
    *(Entry(82, f"{what} in the name of {whose}", how(value))
      for what, value in (("a turn of direction", BIDI), ("an isolate", "a\u2066b"), ("a space of no width", "a\u200bb"),
                          ("a tag", "a\U000e0041b"), ("a line separator", "a\u2028b"), ("a private character", "a\ue000b"),
                          ("a byte order mark", "\ufeffa"), ("a variation of nothing", "\u061ca"), ("nothing but spaces", "\u3000 "))
      for whose, how in (("a room", lambda value: room(name=value)), ("a person", lambda value: profile(displayName=value)))),
    Entry(83, "10,000 combining marks", said("a" + "\u0301" * 8_000), note="bounded in bytes: 16,384"),
    Entry(83, "more combining marks than bytes", refused("a" + "\u0301" * 10_000, "too_large")),
    Entry(83, "invisible characters alone", said("\u200b\u2060"), note="not blank to Unicode; the sender's own affair"),
    Entry(83, "tags", said("a\U000e0041\U000e007f")),
    Entry(84, "1 MB of families", refused(ZWJ * 30_000, "too_large")),
    Entry(84, "families as many as fit", said(ZWJ * 600)),
    Entry(84, "the longest text", said("é" * 8_192)),
    Entry(84, "one byte more", refused("é" * 8_192 + "x", "too_large")),
    Entry(85, "escapes of a terminal in a message", said(SHOWN), note="stored as they are; the runner reads the log for them"),
    Entry(85, "escapes of a terminal as an event", Event(SHOWN, {}, "unknown_event")),
    Entry(85, "escapes of a terminal in a name", room(name=SHOWN)),
    Entry(85, "escapes of a terminal in the path", Request("GET", "/api/rooms/%1b%5b31mred%0d%0a", status=404, code="not_found", who="eve")),
    *(Entry(86, f"the text {text[:20]!r}", said(text))
      for text in ("<script>alert(1)</script>", "javascript:alert(1)", "![x](http://evil.example/x.png)", "<img src=x onerror=alert(1)>",
                   "{{7*7}}${7*7}", "'; DROP TABLE messages; --", "%s%n%x", "\\u0000", "__proto__")),
    *(Entry(86, f"the avatar {address!r}", profile(avatar=address))
      for address in ("javascript:alert(1)", "data:text/html,<script>", "//evil.example/x", "file:///etc/passwd", "http://a b",
                      "http://a\r\nX: y", "ftp://a/b", "/\\evil.example")),
    *(Entry(87, f"the text {text!r}", said(text)) for text in ("=cmd|'/c calc'!A0", "+1+1", "@SUM(1)", "-2")),
)  # fmt: skip
