"""Commands: every bound from both sides, every bad input refused, nothing shown by a `repr`."""

from __future__ import annotations

import inspect
import json
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.domain import commands, limits
from hubbub.domain.commands import (
    Command,
    check_avatar,
    check_name,
    check_note,
    check_text,
    invalid,
    parse,
)
from hubbub.errors import HubbubError

ID = "0199f0a0-0000-7000-8000-000000000001"
KINDS = sorted(
    (
        kind
        for _, kind in inspect.getmembers(commands, inspect.isclass)
        if issubclass(kind, Command) and kind is not Command
    ),
    key=lambda kind: kind.__name__,
)

GOOD: dict[str, dict[str, Any]] = {
    "AddMember": {"userId": ID},
    "Authenticate": {"token": "t"},
    "CreateRoom": {"name": "n"},
    "DeleteMessage": {"id": ID},
    "EditMessage": {"id": ID, "message": "m"},
    "EditText": {"message": "m"},
    "JoinRoom": {"room": "r"},
    "LeaveRoom": {},
    "Login": {"username": "u", "password": "p"},
    "MarkAllRead": {},
    "MarkMessage": {"messageId": ID},
    "OnlineStatus": {"online": True},
    "PostMessage": {"message": "m"},
    "Refresh": {"refreshToken": "t"},
    "Register": {"username": "ann", "email": "ann@example.org", "password": "password"},
    "SendMessage": {"message": "m"},
    "Sync": {"epoch": "e", "rooms": {ID: 0}},
    "Typing": {"isTyping": True},
    "UpdateRoom": {},
    "UpdateUser": {},
}

# (command, field, the longest or largest, one more)
BOUNDS: list[tuple[str, str, Any, Any]] = [
    ("Register", "username", "a" * 50, "a" * 51),
    ("Register", "username", "ab", "a"),
    ("Register", "email", "a" * 247 + "@b.org", "a" * 250 + "@b.org"),
    ("Register", "password", "p" * 8, "p" * 7),
    ("Register", "password", "p" * 1_024, "p" * 1_025),
    ("Register", "displayName", "d" * 100, "d" * 101),
    ("Register", "displayName", "d", ""),
    ("Register", "avatar", "/" + "a" * 2_047, "/" + "a" * 2_048),
    ("Login", "username", "u" * 255, "u" * 256),
    ("Login", "username", "u", ""),
    ("Login", "password", "p" * 1_024, "p" * 1_025),
    ("Refresh", "refreshToken", "t" * 4_096, "t" * 4_097),
    ("UpdateUser", "bio", "b" * 2_000, "b" * 2_001),
    ("UpdateUser", "newPassword", "p" * 8, "p" * 7),
    ("CreateRoom", "name", "n" * 100, "n" * 101),
    ("CreateRoom", "name", "n", ""),
    ("CreateRoom", "description", "d" * 2_000, "d" * 2_001),
    ("UpdateRoom", "name", "n" * 100, "n" * 101),
    ("PostMessage", "message", "m", ""),
    ("PostMessage", "clientId", "!" * 64, "!" * 65),
    ("PostMessage", "clientId", "~", ""),
    ("SendMessage", "room", "r" * 100, "r" * 101),
    ("SendMessage", "room", "r", ""),
    ("JoinRoom", "token", "t" * 4_096, "t" * 4_097),
    ("JoinRoom", "username", "u" * 100, "u" * 101),
    ("Sync", "epoch", "e" * 64, "e" * 65),
    ("Sync", "rooms", {ID: 2**53 - 1}, {ID: 2**53}),
    ("Sync", "rooms", {ID: 0}, {ID: -1}),
]

# (command, field, what is refused)
BAD: list[tuple[str, str, Any]] = [
    *(("Register", "username", name) for name in ("-a", ".a", "a b", "ä", "a\n", "a@b", "a/b", "a\0b", "аnn", None, 5)),
    *(("Register", "email", text) for text in ("a", "a@b", "@b.org", "a b@c.org", "a@b.org\n", "a@b .org", "a@@b.org")),
    ("Register", "password", None),
    ("Register", "displayName", 5),
    *(("PostMessage", "clientId", text) for text in ("a b", "ä", "a\n", "\x7f", "a\0", 5)),
    ("PostMessage", "replyTo", "no id"),
    ("PostMessage", "message", None),
    ("PostMessage", "message", ["m"]),
    ("EditMessage", "id", "no id"),
    ("EditMessage", "id", 5),
    ("MarkMessage", "messageId", None),
    ("Typing", "isTyping", 1),
    ("Typing", "isTyping", "true"),
    ("OnlineStatus", "online", None),
    ("CreateRoom", "isPrivate", "yes"),
    ("Sync", "rooms", {"general": 1}),
    ("Sync", "rooms", {ID: 1.5}),
    ("Sync", "rooms", {ID: "1"}),
    ("Sync", "rooms", []),
    ("JoinRoom", "room", None),
    ("AddMember", "userId", "me"),
]


def kind_of(name: str) -> type[Command]:
    found: type[Command] = getattr(commands, name)
    return found


def code_of(data: Any, kind: type[Command]) -> str | None:
    """How an input is refused; None: it is taken."""
    try:
        parse(data, kind)
    except HubbubError as error:
        return error.code
    return None


def test_every_command_is_tested() -> None:
    assert [kind.__name__ for kind in KINDS] == sorted(GOOD)


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_good_one_is_taken_and_its_repr_shows_nothing(name: str) -> None:
    assert repr(parse(GOOD[name], kind_of(name))) == f"<{name}>"


@pytest.mark.parametrize("name", sorted(GOOD))
def test_unknown_fields_are_ignored(name: str) -> None:
    command = parse({**GOOD[name], "isAdmin": True, "role": "admin", "__class__": 1}, kind_of(name))
    assert command == parse(GOOD[name], kind_of(name))


@pytest.mark.parametrize("name", [name for name, data in GOOD.items() if data])
def test_a_missing_field_is_named(name: str) -> None:
    for field in GOOD[name]:
        with pytest.raises(HubbubError) as caught:
            parse({key: value for key, value in GOOD[name].items() if key != field}, kind_of(name))
        assert caught.value.fields == {field: "This field is required"}


@pytest.mark.parametrize("data", [None, 5, "text", [], [1], True], ids=repr)
@pytest.mark.parametrize("name", sorted(GOOD))
def test_what_is_no_object_is_refused(name: str, data: Any) -> None:
    with pytest.raises(HubbubError) as caught:
        parse(data, kind_of(name))
    assert (caught.value.code, list(caught.value.fields or ())) == ("validation_failed", ["body"])


@pytest.mark.parametrize(("name", "field", "good", "bad"), BOUNDS, ids=lambda value: str(value)[:12])
def test_every_bound_from_both_sides(name: str, field: str, good: Any, bad: Any) -> None:
    parse({**GOOD[name], field: good}, kind_of(name))
    with pytest.raises(HubbubError) as caught:
        parse({**GOOD[name], field: bad}, kind_of(name))
    (named,) = caught.value.fields or ()
    assert caught.value.code == "validation_failed"
    assert named.startswith(field)


@pytest.mark.parametrize(("name", "field", "bad"), BAD, ids=lambda value: repr(value)[:20])
def test_bad_values_are_refused_by_field(name: str, field: str, bad: Any) -> None:
    with pytest.raises(HubbubError) as caught:
        parse({**GOOD[name], field: bad}, kind_of(name))
    assert caught.value.code == "validation_failed"
    assert next(iter(caught.value.fields or ())).startswith(field)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_no_input_raises_anything_else(data: Any) -> None:
    for kind in KINDS:
        assert code_of(data, kind) in (None, "validation_failed")


@given(
    st.dictionaries(
        st.sampled_from([key for data in GOOD.values() for key in data]), st.text() | st.none() | st.integers()
    )
)
def test_no_near_miss_raises_anything_else(data: Any) -> None:
    for kind in KINDS:
        assert code_of(data, kind) in (None, "validation_failed")


def test_reasons_name_the_place() -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(json.dumps({"message": 5}), type=commands.PostMessage)
    error = invalid(str(caught.value))
    assert error.fields == {"message": "Expected `str`, got `int`"}
    assert invalid("Something else").fields == {"body": "Something else"}


@pytest.mark.parametrize("text", ["x", " x ", "é" * 5, "\u2713", "\U0001f600", "a\nb\tc", "\u202e", "\x01x"])
def test_texts_that_may_be_sent(text: str) -> None:
    check_text(text, 10)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "validation_failed"),
        (" \t\n", "validation_failed"),
        ("\u3000\u00a0", "validation_failed"),
        ("a\0b", "validation_failed"),
        ("\ud800", "validation_failed"),
        ("a\udfff", "validation_failed"),
        ("x" * 11, "too_large"),
        ("é" * 6, "too_large"),
        (" " * 11, "too_large"),
    ],
)
def test_texts_that_may_not(text: str, code: str) -> None:
    with pytest.raises(HubbubError) as caught:
        check_text(text, 10)
    assert caught.value.code == code


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=30))
def test_what_check_text_takes_can_be_stored(text: str) -> None:
    try:
        check_text(text, 40)
    except HubbubError:
        return
    assert 0 < len(text.encode()) <= 40
    assert "\0" not in text


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("Ann", "Ann"),
        ("  Ann  ", "Ann"),
        ("e\u0301", "é"),
        ("Ann Lee", "Ann Lee"),
        ("\U0001f469\u200d\U0001f680", "\U0001f469\u200d\U0001f680"),
    ],
)
def test_names_in_their_one_form(name: str, form: str) -> None:
    assert check_name(name, "displayName") == form


@pytest.mark.parametrize(
    "name", ["", "   ", "a\u202eb", "a\u200bb", "a\0b", "a\nb", "\ud800", "\ue000", "a\u2028b", "\U000e0041"]
)
def test_names_that_deceive_are_refused(name: str) -> None:
    with pytest.raises(HubbubError) as caught:
        check_name(name, "displayName")
    assert list(caught.value.fields or ()) == ["displayName"]


@pytest.mark.parametrize(
    ("text", "kept"), [(None, None), ("", None), (" \n", None), ("x", "x"), (" x ", " x "), ("\u202e", "\u202e")]
)
def test_notes(text: str | None, kept: str | None) -> None:
    assert check_note(text, "bio") == kept


@pytest.mark.parametrize("text", ["a\0", "\ud800x"])
def test_notes_that_cannot_be_stored(text: str) -> None:
    with pytest.raises(HubbubError):
        check_note(text, "bio")


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        (None, None),
        ("", None),
        (" ", None),
        ("/a.png", "/a.png"),
        ("/", "/"),
        (" https://example.org/a.png ", "https://example.org/a.png"),
        ("HTTP://EXAMPLE.ORG", "HTTP://EXAMPLE.ORG"),
    ],
)
def test_avatars(address: str | None, kept: str | None) -> None:
    assert check_avatar(address) == kept


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)", "data:text/html,x", "//evil.example", "a.png", "https://", "http:// a", "https://a\nb",
        "ftp://a", "/a b", "/a\0", "/\\evil.example", "vbscript:x", "https:/a", "/\ud800",
    ],
)  # fmt: skip
def test_avatars_that_are_no_pictures_address(address: str) -> None:
    with pytest.raises(HubbubError) as caught:
        check_avatar(address)
    assert list(caught.value.fields or ()) == ["avatar"]


def test_the_limits_are_those_of_the_columns() -> None:
    assert (limits.USERNAME_MAX, limits.EMAIL_MAX, limits.DISPLAY_NAME_MAX, limits.ROOM_NAME_MAX) == (50, 255, 100, 100)
    assert limits.CLIENT_ID_MAX == 64
    assert UUID(ID).version == 7
