"""B56 to B76 and B95 to B109: tokens, sign-ins, names, ids that are others', pages, `clientId`, places to go on from."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from typing import Final

from tests.fault.corpus.entry import Connect, Entry, Event, Request
from tests.support.people import SECRET

JSON: Final = {"Content-Type": "application/json"}
RSA_LIKE: Final = "-----BEGIN PUBLIC KEY----- a key that everybody may see -----END PUBLIC KEY-----"
CLAIMS: Final = {
    "iss": "hubbub", "aud": "hubbub", "sub": "00000000-0000-4000-8000-000000000001",
    "sid": "00000000-0000-4000-8000-000000000002", "iat": 1_700_000_000, "exp": 4_000_000_000,
}  # fmt: skip
ACCESS: Final = {"typ": "access"}
NOBODY: Final = "00000000-0000-4000-8000-00000000dead"
INVENTED: Final = (NOBODY, "0", "-1", "1e9", "x'%20OR%20'1'='1", "%3Cvault_id%3E", "..")


def token(
    key: str = SECRET, *, head: dict[str, str] | None = None, digest: str | None = "sha256", **claims: object
) -> str:
    """A token signed by hand (RFC 7515), so that it can be what no library would sign."""
    chosen = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
    parts = [json.dumps({"alg": "HS256"} | ACCESS | (head or {})).encode(), json.dumps(chosen).encode()]
    signed = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = b"" if digest is None else urlsafe_b64encode(hmac.digest(key.encode(), signed, digest)).rstrip(b"=")
    return f"{signed.decode()}.{signature.decode()}"


TOKENS: Final = {
    "alg none": (56, token(head={"alg": "none"}, digest=None)),
    "alg None": (56, token(head={"alg": "None"}, digest=None)),
    "a signature of nothing": (56, token(digest=None)),
    "a public key as the key": (57, token(RSA_LIKE)),
    "another HMAC": (57, token(head={"alg": "HS512"}, digest="sha512")),
    "an unknown kid": (58, token(head={"kid": "other"})),
    "a kid that is a path": (58, token(head={"kid": "../../../../dev/null"})),
    "a kid that is SQL": (58, token(head={"kid": "x' UNION SELECT 'a' --"})),
    "a jku": (59, token(head={"jku": "http://127.0.0.1:1/keys"})),
    "an x5u": (59, token(head={"x5u": "http://127.0.0.1:1/cert"})),
    "another issuer": (60, token(iss="other")),
    "another audience": (60, token(aud="other")),
    "another type": (60, token(head={"typ": "refresh"})),
    "an nbf to come": (61, token(nbf=3_999_999_999)),
    "no exp": (61, token(exp=None)),
    "an exp that is NaN": (61, token(exp="NaN")),
    "an account that is not there": (61, token()),
    "1 MB": (62, "a" * 60_000),
    "bytes that are no text": (62, "é" * 20),
    "a refresh token": (63, "<refresh>"),
}  # fmt: skip


def register(status: int, code: str, **fields: object) -> Request:
    body = {"username": "newcomer", "email": "newcomer@example.org", "password": "correct horse", **fields}
    return Request("POST", "/api/auth/register", body, status, code, headers=JSON)


def sign_in(username: object, password: object, status: int, code: str) -> Request:
    body = {"username": username, "password": password}
    return Request("POST", "/api/auth/login", body, status, code, headers=JSON)


def hidden(method: str, path: str, body: object = None) -> Request:
    """What a stranger asks of a room or a message that is not hers to see."""
    return Request(method, path, body, 404, "not_found", "eve", JSON if body is not None else {})


ENTRIES: Final = (
    *(Entry(number, f"{what}, by Authorization", Request(
        "GET", "/api/rooms", status=401, code="unauthorized", headers={"Authorization": f"Bearer {value}"}))
      for what, (number, value) in TOKENS.items()),
    *(Entry(number, f"{what}, by CONNECT", Connect({"token": value})) for what, (number, value) in TOKENS.items()),
    Entry(61, "an exp that has passed", Connect({"token": token(exp=1_700_000_001)}, "token_expired"),
          note="signed by us, so that its owner may be told to refresh it"),
    Entry(61, "an exp that has passed, by Authorization", Request(
        "GET", "/api/rooms", status=401, code="token_expired", headers={"Authorization": f"Bearer {token(exp=1_700_000_001)}"})),
    Entry(62, "a token of 1 MB, by Authorization", Request(
        "GET", "/api/rooms", status=431, code="head_too_large", headers={"Authorization": "Bearer " + "a" * 1_000_000})),
    Entry(64, "an unknown name", sign_in("nobody-at-all", "a guess", 401, "invalid_credentials")),
    Entry(64, "a known name, another password", sign_in("ann", "a guess", 401, "invalid_credentials"),
          note="word for word the same: `scripts.py` compares; that it takes as long is held by a unit test of the hash"),
    Entry(65, "a password of 900,000 characters", sign_in("ann", "p" * 900_000, 422, "validation_failed")),
    Entry(65, "a new account's password of 1,025 characters", register(422, "validation_failed", password="p" * 1_025)),
    Entry(66, "a password with NUL", sign_in("eve", "correct horse\0", 401, "invalid_credentials"),
          note="verified whole: it is not the one without"),
    Entry(66, "a password longer than 72 bytes", sign_in("eve", "correct horse" + "x" * 72, 401, "invalid_credentials")),
    Entry(66, "half a surrogate in a password", Request(
        "POST", "/api/auth/login", rb'{"username":"ann","password":"\ud800"}', 400, "bad_request", headers=JSON)),
    *(Entry(67, f"the name {name!r}", register(422, "validation_failed", username=name))
      for name in ("\ufb01nn", "\u0430nn", "ann ", " ann", "a\u200bnn", "ann\u202e", "\uff41nn", "ann\0", "a\u0301nn", "", "a" * 51,
                   "guest-1", "deleted-1", "../ann", "<b>")),
    Entry(67, "a name that differs by case", register(409, "conflict", username="ANN")),
    Entry(67, "an address that differs by case", register(409, "conflict", email="ANN@EXAMPLE.ORG")),
    *(Entry(67, f"the address {address!r}", register(422, "validation_failed", email=address))
      for address in ("", "x", "a@b", "a@b.c\r\nBcc: d@e.f", "a b@c.d", "a@b.c\0", "a" * 251 + "@b.cd")),
    *(Entry(72, f"the room {ref}", hidden("GET", f"/api/rooms/{ref}")) for ref in ("<vault>", "<vault_id>", *INVENTED)),
    *(Entry(72, f"{method} {path.replace('*', ref)}", hidden(method, path.replace("*", ref), body))
      for ref in ("<vault_id>", NOBODY)
      for method, path, body in (
          ("GET", "/api/rooms/*/messages", None), ("GET", "/api/rooms/*/members", None), ("GET", "/api/rooms/*/users", None),
          ("GET", "/api/rooms/*/stats", None), ("POST", "/api/rooms/*/join", None), ("DELETE", "/api/rooms/*", None),
          ("PATCH", "/api/rooms/*", {"name": "mine"}), ("POST", "/api/rooms/*/messages", {"message": "x"}),
          ("POST", "/api/rooms/*/members", {"userId": "<eve_id>"}), ("DELETE", "/api/rooms/*/members/<ann_id>", None))),
    *(Entry(72, f"{method} of the message {ref}{path}", hidden(method, f"/api/messages/{ref}{path}", body))
      for ref in ("<secret>", *INVENTED)
      for method, path, body in (("PATCH", "", {"message": "x"}), ("DELETE", "", None), ("GET", "/reads", None),
                                 ("GET", "/deliveries", None), ("GET", "/history", None))),
    *(Entry(72, f"the account {ref}", hidden("GET", f"/api/users/{ref}")) for ref in (*INVENTED, "<vault_id>", "<secret>")),
    Entry(72, "another's account", Request("PATCH", "/api/users/<ann_id>", {"bio": "x"}, 403, "forbidden", "eve", JSON)),
    Entry(72, "another's account to delete", Request("DELETE", "/api/users/<ann_id>", status=403, code="forbidden", who="eve")),
    *(Entry(73, f"{name} of {ref}", Event(name, {"messageId": ref}, "not_found"))
      for name in ("message-read", "message-delivered") for ref in ("<secret>", NOBODY)),
    *(Entry(73, f"{name} in {ref}", Event(name, {"room": ref}, "not_found"))
      for name in ("mark-all-read", "join") for ref in ("<vault>", "<vault_id>", NOBODY)),
    *(Entry(74, f"{name} of {what}", Event(name, {"id": ref, "message": "x"}, code))
      for name, what, ref, code in (
          ("edit-message", "a message unseen", "<secret>", "not_found"), ("delete-message", "a message unseen", "<secret>", "not_found"),
          ("edit-message", "another's message", "<said>", "forbidden"), ("delete-message", "another's message", "<said>", "forbidden"))),
    *(Entry(75, f"a reply to {what}", Event(
        "send-message", {"message": "x", "replyTo": ref, "room": "<arena>"}, None if ok else "validation_failed", "replyTo"),
        note="unseen and not there are one answer: there is no such message in this room")
      for what, ref, ok in (("a message unseen", "<secret>", False), ("no message", NOBODY, False), ("a message seen", "<said>", True))),
    *(Entry(75, f"a message to {what}", Event("send-message", {"message": "x", "room": ref}, "not_found"))
      for what, ref in (("another's room", "<vault>"), ("another's room by its id", "<vault_id>"), ("no room", NOBODY))),
    *(Entry(95, f"a search for {words!r}", Request("GET", f"/api/users/search?q={words}", status=200, who="eve"))
      for words in ("%25", "_", "(a%2b)%2b%24", "a%20%26%20!b", "'", "%5C")),
    Entry(95, "a search for 1,000 characters", Request(
        "GET", "/api/users/search?q=" + "a" * 1_000, status=422, code="validation_failed", who="eve")),
    Entry(95, "a search for 1 MB", Request(
        "GET", "/api/users/search?q=" + "a" * 1_000_000, status=431, code="head_too_large", who="eve")),
    *(Entry(96, f"the page {query} of {path}", Request("GET", f"{path}?{query}", status=422, code="validation_failed", who="eve"))
      for path in ("/api/users", "/api/rooms/<arena>/messages")
      for query in ("offset=1000000000000", "offset=-1", "limit=0", "limit=101", "limit=-1", "limit=1e3", "limit=x", "limit=")),
    *(Entry(97, f"the cursor {cursor[:12]!r} of {path}", Request(
        "GET", f"{path}?cursor={cursor}", status=422, code="validation_failed", who="eve"))
      for path in ("/api/users", "/api/rooms/<arena>/messages", "/api/rooms/<arena>/members")
      for cursor in ("x", "-1", "9" * 30, "1;DROP", "a" * 200)),
    Entry(98, "a cursor of another room", Request("GET", "/api/rooms/<arena>/messages?cursor=1000000", status=200, who="eve"),
          note="a cursor is a place, and gives nothing: the room is authorised at every page"),
    Entry(98, "a page before and after", Request(
        "GET", "/api/rooms/<arena>/messages?before=1&after=2", status=422, code="validation_failed", who="eve")),
    *(Entry(103, f"a clientId that is {what}", Event("send-message", {"message": "x", "room": "<arena>", "clientId": value}))
      for what, value in (("900,000 characters", "a" * 900_000), ("65 characters", "a" * 65), ("empty", ""), ("spaces", "a b"),
                          ("NUL", "a\0b"), ("not ASCII", "é"), ("a number", 1), ("a line", "a\n"))),
    *(Entry(103, f"an Idempotency-Key of {len(value)} characters", Request(
        "POST", "/api/rooms/<arena>/messages", {"message": "x"}, 422, "validation_failed", "eve", JSON | {"Idempotency-Key": value}))
      for value in ("a" * 65, "a b", "é")),
    *(Entry(number, f"a sync of {what}", Event("sync", {"epoch": "<epoch>", "rooms": rooms}, code))
      for number, what, rooms, code in (
          (104, "no rooms", [], "validation_failed"), (104, "a room by its name", {"<arena>": 1}, "validation_failed"),
          (104, "a room that is no room", {NOBODY: 0}, None), (104, "another's room", {"<vault_id>": 0}, None),
          (105, "a place beyond the end", {"<arena_id>": 2**53 - 1}, "resync_required"),
          (106, "a negative place", {"<arena_id>": -1}, "validation_failed"), (106, "a place of 2^53", {"<arena_id>": 2**53}, "validation_failed"),
          (106, "half a place", {"<arena_id>": 1.5}, "validation_failed"), (106, "a place that is text", {"<arena_id>": "1"}, "validation_failed"))),
    Entry(108, "a sync of another epoch", Event("sync", {"epoch": "of another time", "rooms": {}}, "resync_required")),
    Entry(108, "a sync of no epoch", Event("sync", {"rooms": {}}, field="epoch")),
    Entry(107, "a sync of 1,000 rooms", Event(
        "sync", {"epoch": "<epoch>", "rooms": {f"00000000-0000-4000-8000-{n:012d}": 0 for n in range(1_000)}}, "too_large")),
)  # fmt: skip
