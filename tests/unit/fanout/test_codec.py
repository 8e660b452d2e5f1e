"""Every hint, with every event clients are told, comes back from its bytes as it was."""

from __future__ import annotations

from typing import Any, get_type_hints
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType
from tests.support.properties import SEED

from hubbub.domain.changes import Change, Hint, Reached, Renamed, Revoked, SignInFailed, StatusChanged, Told
from hubbub.domain.events import EVENTS, UserStatusUpdate
from hubbub.fanout import codec

st.register_type_strategy(UnsetType, st.just(UNSET))
st.register_type_strategy(int, st.integers(0, 2**53))
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))  # JSON has no others


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a struct, made of any values of its fields."""
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        origin, arguments = getattr(kind, "__origin__", None), getattr(kind, "__args__", ())
        return st.lists(values(arguments[0]), max_size=2) if origin is list else st.from_type(kind)
    return st.builds(kind, **{name: values(hint) for name, hint in get_type_hints(kind, include_extras=True).items()})


IDS = st.uuids()


@pytest.mark.parametrize("event", EVENTS)
@seed(SEED)
@settings(max_examples=25, deadline=None, print_blob=True, database=None)
@given(draw=st.data(), room_id=IDS, number=st.integers(1, 2**53), other=st.none() | IDS)
def test_every_event_comes_back(
    event: str, draw: st.DataObject, room_id: UUID, number: int, other: UUID | None
) -> None:
    data = draw.draw(values(EVENTS[event]))
    hints: list[Hint] = [
        Change(room_id=room_id, number=number, event=event, data=data, leaver=other),
        Told(room_id=room_id, event=event, data=data, but=other),
    ]
    check(hints)


@seed(SEED)
@settings(max_examples=50, deadline=None, print_blob=True, database=None)
@given(draw=st.data(), one=IDS, many=st.lists(IDS, max_size=5).map(tuple), name=st.text(), maybe=st.none() | st.text())
def test_every_other_hint_comes_back(
    draw: st.DataObject, one: UUID, many: tuple[UUID, ...], name: str, maybe: str | None
) -> None:
    check(
        [
            StatusChanged(user_id=one, data=draw.draw(values(UserStatusUpdate)), room_ids=many),
            Revoked(session_ids=many),
            Renamed(user_id=one, display_name=name, avatar=maybe),
            Reached(room_id=one, number=7),
            SignInFailed(key=name, process=one),
        ]
    )


def check(hints: list[Hint]) -> None:
    packed = [codec.pack(hint) for hint in hints]
    back = codec.unpack(b"[%b]" % b",".join(packed))
    assert list(back) == hints
    assert [type(hint) for hint in back] == [type(hint) for hint in hints]
    assert [type(getattr(hint, "data", None)) for hint in back] == [type(getattr(hint, "data", None)) for hint in hints]


def test_every_kind_of_hint_is_covered() -> None:
    assert set(codec._PACK) == set(Hint.__args__)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "packed",
    [
        "", "[", "{}", '["change"]', '[["no such kind", 1]]', '[["revoked", ["x"]]]',
        '[["told","00000000-0000-0000-0000-000000000001","no-such-event",{},null]]',
        '[["change","00000000-0000-0000-0000-000000000001",7,"receive-message",{"id":1},null]]',
    ],
)  # fmt: skip
def test_what_is_no_hint_is_a_value_error(packed: str) -> None:
    with pytest.raises(ValueError):
        codec.unpack(packed.encode())


SECRET, ME, OTHER = "a key for tests alone, 32 characters or more", "a" * 32, "b" * 32
PACKED = [codec.pack(Reached(room_id=UUID(int=1), number=7)), codec.pack(Revoked(session_ids=()))]


def test_an_envelope_comes_back_and_knows_whose_it_is() -> None:
    mine, theirs = codec.Envelope(SECRET, "here", ME), codec.Envelope(SECRET, "here", OTHER)
    payload = mine.close("room", 2**64 - 1, PACKED)
    assert len(payload) == codec.HEAD_BYTES + 2 + sum(map(len, PACKED)) + 1
    assert mine.open("room", payload) == (2**64 - 1, b"[%b,%b]" % tuple(PACKED))
    assert theirs.open("room", payload) == (None, b"[%b,%b]" % tuple(PACKED))
    assert theirs.open("", theirs.close("", 0, [])) == (0, b"[]")


def test_nobody_else_makes_one_nor_alters_nor_moves_it() -> None:
    envelope = codec.Envelope(SECRET, "here", ME)
    payload = envelope.close("room", 1, PACKED)
    altered = [bytes((*payload[:at], payload[at] ^ 1, *payload[at + 1 :])) for at in range(len(payload))]
    for forged in (
        *altered,
        *(payload[:cut] for cut in range(len(payload))),
        payload + b" ",
        payload[codec.SIGNATURE_BYTES :],
        codec.Envelope(SECRET, "there", ME).close("room", 1, PACKED),
        codec.Envelope(SECRET + "!", "here", ME).close("room", 1, PACKED),
        envelope.close("another room", 1, PACKED),
    ):
        with pytest.raises(ValueError):
            envelope.open("room", forged)


def test_a_trace_goes_beside_the_hints() -> None:
    trace = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert len(trace) == codec.TRACE_BYTES
    mine = codec.Envelope(SECRET, "here", ME)
    for told in (trace, b""):
        _, opened = mine.open("room", mine.close("room", 1, PACKED, told))
        found, hints = codec.part(opened)
        assert (found, len(codec.unpack(hints))) == (told, len(PACKED))
    assert codec.part(b"no hints at all")[1] != b""
    with pytest.raises(ValueError):
        codec.unpack(codec.part(b"no hints at all")[1])
