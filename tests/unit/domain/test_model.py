"""Nouns: ids, times, rules, and what a `repr` may show."""

from __future__ import annotations

import inspect
import re
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.domain import answers, changes, events, ids, model, policy
from hubbub.domain.ids import as_uuid, new_id, stamp
from hubbub.domain.model import Actor, Message, Room, Wire

ANN, BOB, ROOM = UUID(int=1), UUID(int=2), UUID(int=3)
SECRET = "secret-word"


def test_ids_are_of_version_7_and_in_order_of_time() -> None:
    before = time.time_ns() // 1_000_000
    made = [new_id() for _ in range(1_000)]
    after = time.time_ns() // 1_000_000
    assert len(set(made)) == 1_000
    for one in made:
        assert (one.version, one.variant) == (7, "specified in RFC 4122")
        assert before <= one.int >> 80 <= after


@given(st.uuids())
def test_an_id_is_known_in_its_usual_form_alone(one: UUID) -> None:
    assert as_uuid(str(one)) == as_uuid(str(one).upper()) == one
    for spelling in (one.hex, f"{{{one}}}", one.urn, str(one)[:-1], f" {one}", str(one).replace("-", "_")):
        assert as_uuid(spelling) is None


@given(st.text(min_size=36, max_size=36))
def test_no_text_of_that_length_raises(text: str) -> None:
    as_uuid(text)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 22, 10, 0, tzinfo=UTC), "2026-11-22T10:00:00.000Z"),
        (datetime(2026, 11, 22, 10, 0, 0, 123_999, tzinfo=UTC), "2026-11-22T10:00:00.123Z"),
        (datetime(2026, 11, 22, 12, 30, tzinfo=timezone(timedelta(hours=2, minutes=30))), "2026-11-22T10:00:00.000Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000Z"),
    ],
)
def test_times(moment: datetime, text: str) -> None:
    assert stamp(moment) == text


def test_now_is_utc() -> None:
    assert ids.now_utc().tzinfo is UTC


def actor(user_id: UUID = ANN, role: Any = "user") -> Actor:
    return Actor(
        user_id=user_id, session_id=BOB, username=SECRET, display_name=SECRET, avatar=SECRET, role=role, expires_at=0
    )


def room(*, is_private: bool = False, is_member: bool = False, created_by: UUID | None = None) -> Room:
    return Room(
        room_id=ROOM, name=SECRET, is_private=is_private, created_by=created_by, description=SECRET, change_seq=0,
        last_seq=0, message_count=0, member_count=0, is_member=is_member, from_seq=0, delivered_seq=0, read_seq=0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("is_private", "is_member", "seen", "posted"),
    [(False, False, True, False), (False, True, True, True), (True, False, False, False), (True, True, True, True)],
)
def test_who_may_see_and_post(is_private: bool, is_member: bool, seen: bool, posted: bool) -> None:
    one = room(is_private=is_private, is_member=is_member)
    assert policy.may_see(one) == policy.may_read(one) == policy.may_join(one) == seen
    assert policy.may_post(one) == posted


def test_who_may_change() -> None:
    admin = actor(BOB, "admin")
    assert policy.may_change_room(actor(), room(created_by=ANN))
    assert not policy.may_change_room(actor(), room(created_by=BOB))
    assert not policy.may_change_room(actor(), room(created_by=None))
    assert policy.may_change_room(admin, room())
    assert not policy.may_change_room(actor(role="guest"), room())
    assert policy.may_change_account(actor(), ANN)
    assert not policy.may_change_account(actor(), BOB)
    assert policy.may_change_account(admin, ANN)
    assert policy.may_edit_message(actor(), ANN)
    assert not policy.may_edit_message(actor(), BOB)
    assert not policy.may_edit_message(actor(), None)
    assert not policy.may_edit_message(admin, ANN)
    assert policy.may_delete_message(actor(), ANN, room())
    assert policy.may_delete_message(actor(), BOB, room(created_by=ANN))
    assert not policy.may_delete_message(actor(), BOB, room())
    assert policy.may_delete_message(admin, ANN, room())


def filled(kind: Any) -> Any:
    """A value of a struct with the secret in each of its texts."""

    def value(hint: Any) -> Any:
        if isinstance(hint, msgspec.inspect.StrType):
            return SECRET
        if isinstance(hint, msgspec.inspect.UUIDType):
            return str(ROOM)
        if isinstance(hint, (msgspec.inspect.IntType, msgspec.inspect.FloatType)):
            return 7
        if isinstance(hint, msgspec.inspect.BoolType):
            return True
        if isinstance(hint, msgspec.inspect.LiteralType):
            return hint.values[0]
        if isinstance(hint, msgspec.inspect.UnionType):
            return value(next(one for one in hint.types if not isinstance(one, msgspec.inspect.NoneType)))
        if isinstance(hint, (msgspec.inspect.ListType, msgspec.inspect.VarTupleType)):
            return [value(hint.item_type)]
        if isinstance(hint, msgspec.inspect.DictType):
            return {SECRET: value(hint.value_type)}
        if isinstance(hint, msgspec.inspect.Metadata):
            return value(hint.type)
        if isinstance(hint, msgspec.inspect.StructType):
            made = {field.encode_name: value(field.type) for field in hint.fields}
            return made | ({hint.tag_field: hint.tag} if hint.tag_field else {})
        raise AssertionError(hint)

    return msgspec.convert(value(msgspec.inspect.type_info(kind)), kind)


WIRES = sorted(
    {
        kind
        for module in (model, events, answers)
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Wire) and kind is not Wire
    },
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", WIRES, ids=lambda kind: kind.__name__)
def test_reprs_show_ids_alone(kind: type[Wire]) -> None:
    shown = repr(filled(kind))
    assert SECRET not in shown
    assert kind.__name__ in shown


@pytest.mark.parametrize("kind", WIRES, ids=lambda kind: kind.__name__)
def test_names_on_the_wire_are_camel_case(kind: type[Wire]) -> None:
    for name in json_names(msgspec.to_builtins(filled(kind))):
        assert re.fullmatch(r"[a-z][a-zA-Z]*", name) or name == SECRET, name


def json_names(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*(json_names(item) for item in value.values()))
    return set().union(*(json_names(item) for item in value)) if isinstance(value, list) else set()


def test_inner_nouns_and_hints_show_no_names_either() -> None:
    message = filled(Message)
    shown = [
        actor(),
        room(),
        changes.Change(room_id=ROOM, number=1, event="receive-message", data=message),
        changes.Told(room_id=ROOM, event="user-typing", data=message),
        changes.StatusChanged(user_id=ANN, data=message, room_ids=(ROOM,)),
        changes.Renamed(user_id=ANN, display_name=SECRET, avatar=SECRET),
        changes.Revoked(session_ids=(ANN,)),
    ]
    for one in shown:
        assert SECRET not in repr(one)
