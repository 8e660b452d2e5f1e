"""B38 to B55: Socket.IO packets, and the JSON inside them."""

from __future__ import annotations

from typing import Final

from tests.fault.corpus.entry import Connect, Entry, Event, Frames, Post, Request

P: Final = '{"_placeholder":true,"num":0}'
DEEP: Final = "[" * 100_000 + "]" * 100_000
KEYS: Final = "{" + ",".join(f'"k{n}":1' for n in range(90_000)) + "}"  # all that a packet has room for
JSON: Final = {"Content-Type": "application/json"}
MESSAGES: Final = "/api/rooms/<arena>/messages"


def num(value: str) -> str:
    return f'{{"_placeholder":true,"num":{value}}}'


ENTRIES: Final = (
    Entry(38, "5,000 times CONNECT", Frames(('40{"token":"<eve>"}',) * 5_000, after="open")),
    Entry(38, "a second CONNECT", Frames(("40",))),
    Entry(39, "CONNECT to 10,000 namespaces", Frames(tuple(f"40/n{n}," for n in range(10_000)))),
    Entry(39, "a namespace of 1,000 characters", Frames(("40/" + "n" * 1_000 + ",",))),
    Entry(39, "an event to a namespace never asked for", Frames(('42/admin,["join"]',))),
    *(Entry(41, f"an event named {name!r}", Frames((f'42["{name}",{{"reason":"x"}}]',)))
      for name in ("connect", "disconnect", "disconnecting", "connect_error", "newListener", "removeListener")),
    *(Entry(42, f"an event named {name!r}", Event(name, {}, "unknown_event"))
      for name in ("__proto__", "constructor", "__class__", "Disconnect", "event", "emit", "", " ", "\0", "join ", "ready",
                   "receive-message", "a" * 128)),
    *(Entry(43, f"an event whose name is {name[:8]}, {len(name)} characters", Frames((f"42[{name}]",)))
      for name in ("0", "1.5", "null", "true", "{}", "[]", '"' + "a" * 900_000 + '"', '"' + "a" * 129 + '"')),
    *(Entry(44, f"the packet {text!r}", Frames((text,)))
      for text in ("42{}", "42[]", '42abc["join"]', "42", "42null", '42"join"', '42["join"', '42["join"]]', "47", "4", "44",
                   '44{"message":"x"}', "41[]", '42,["join"]', '42-["join"]', "43", "43[]", "431", "431{}")),
    Entry(44, "the packet 42[] in a POST", Post(b"42[]")),
    Entry(44, "an event before CONNECT", Frames(('42["join"]',), after="open")),
    Entry(44, "a space before the JSON", Frames(('42 ["join"]',), codes=None), note="JSON may begin with spaces"),
    *(Entry(45, f"an ack id of {what}", Frames((f'42{digits}["typing",true]',)))
      for what, digits in (("a superscript two", "²"), ("an Arabic three", "٣"), ("101 digits", "1" * 101), ("17 digits", "1" * 17),
                           ("2^64", str(2**64)), ("minus one", "-1"), ("half", "1.5"), ("a plus", "+1"))),
    Entry(46, "acks that nobody asked for, twice", Frames(("431[]", "431[]", "4399[1]"), codes=None)),
    Entry(46, "a binary ack that nobody asked for", Frames((f"461-1[{P}]", b"x"), codes=None)),
    *(Entry(47, f"a binary packet {head!r}", Frames((f'{head}["typing",{P}]', b"x")))
      for head in ("450-", "4511-", "4510000000000-", "45", "451", "45-", "45-1-", "451.5-", "45²-")),
    Entry(47, "300 frames of 0.9 MB for a binary packet", Frames((f'4510-["typing",{P}]', *([b"x" * 900_000] * 3)))),
    *(Entry(48, f"a placeholder whose num is {value}", Frames((f'451-["typing",{num(value)}]', b"x")))
      for value in ("-1", "99", '"a"', "1.5", "true", "null", "1e400", "0.0")),
    Entry(48, "a placeholder without num", Frames(('451-["typing",{"_placeholder":true}]', b"x"))),
    Entry(48, "a placeholder with more", Frames(('451-["typing",{"_placeholder":true,"num":0,"x":1}]', b"x"))),
    Entry(48, "a placeholder used twice", Frames((f'451-["typing",{P},{P}]', b"x"))),
    Entry(48, "an attachment that no placeholder names", Frames(('451-["typing",true]', b"x"))),
    Entry(49, "a placeholder in a text event", Frames((f'42["typing",{P}]',))),
    Entry(49, "the same, its key escaped", Frames((r'42["typing",{"\u005fplaceholder":true,"num":0}]',))),
    Entry(50, "text while attachments are due", Frames((f'451-["typing",{P}]', '42["typing",true]'))),
    Entry(51, "binary without a header", Frames((b"x",))),
    Entry(51, "binary before CONNECT", Frames((b"x",), after="open")),
    Entry(51, "bytes where an object is wanted", Frames((f'451-["send-message",{P}]', b"x"), codes=None)),
    *(Entry(52, f"{value} in an event", Frames((f'42["send-message",{{"message":{value}}}]',)))
      for value in ("NaN", "Infinity", "-Infinity", "undefined", "1e400", "-1e400", "01", "0x1", ".5", "1.", "'x'", "nan")),
    Entry(52, "NaN in a POST to Engine.IO", Post(b'42["send-message",{"message":NaN}]')),
    *(Entry(52, f"{value.decode()} in a body", Request(
        "POST", MESSAGES, b'{"message":' + value + b"}", (400, 422), None, "eve", JSON))
      for value in (b"NaN", b"Infinity", b"1e400")),
    Entry(53, "an integer of 5,000 digits", Frames(('42["send-message",{"message":' + "9" * 5_000 + "}]",))),
    Entry(53, "an integer of 5,000 digits in a body", Request(
        "POST", MESSAGES, b'{"message":' + b"9" * 5_000 + b"}", (400, 422), None, "eve", JSON)),
    Entry(53, "a float of 900,000 digits", Frames(('42["send-message",{"message":0.' + "1" * 900_000 + "}]", ), codes=None)),
    Entry(54, "nesting 100,000 deep", Frames((f'42["send-message",{DEEP}]',))),
    Entry(54, "nesting 33 deep", Frames(('42["send-message",' + "[" * 32 + "]" * 32 + "]",))),
    Entry(54, "nesting 100,000 deep in CONNECT", Frames((f'40{{"token":{DEEP}}}',), after="open")),
    Entry(54, "nesting 100,000 deep in a POST to Engine.IO", Post(f'42["send-message",{DEEP}]'.encode())),
    Entry(54, "nesting 100,000 deep in a body", Request(
        "POST", MESSAGES, f'{{"message":{DEEP}}}'.encode(), (400, 422), None, "eve", JSON)),
    Entry(54, "nesting 100,000 deep in the text of a sync", Event("sync", DEEP, "bad_request")),
    Entry(54, "90,000 keys", Frames((f'42["send-message",{KEYS}]',))),
    Entry(54, "90,000 keys in a body", Request("POST", MESSAGES, KEYS.encode(), 422, "validation_failed", "eve", JSON)),
    *(Entry(55, f"{value!r} as an id", Event("edit-message", {"id": value, "message": "x"}, field="id"))
      for value in (2**53 + 1, 0, -1, 1.5, True, None, [], {}, "", "0", "-1", "1e9", "x' OR '1'='1")),
    *(Entry(55, f"{value!r} as a room", Event("send-message", {"room": value, "message": "x"}))
      for value in (2**53 + 1, True, [], {}, "", "x" * 101)),
    *(Entry(55, f"{value!r} as the one argument of {name}", Event(name, value))
      for name in ("send-message", "message-read", "update-online-status") for value in (1, "x", [], None, True)),
    Entry(55, "a sync that is text, but no JSON", Event("sync", "{", "bad_request")),
    *(Entry(56, f"CONNECT with {auth!r}", Connect(auth))
      for auth in ({"token": 1}, {"token": {}}, {"token": ["<eve>"]}, {"token": True}, {"token": "x"}, {"token": "\0"},
                   {"token": "é" * 100}, {"token": "x" * 900_000})),
    *(Entry(56, f"CONNECT with {body}", Frames((f"40{body}",), after="open"))
      for body in ("[]", "1", '"<eve>"', "null", "true", '{"token":')),
)  # fmt: skip
