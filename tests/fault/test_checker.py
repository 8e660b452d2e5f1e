"""The checker, against histories made by hand: a good one passes, and each way to spoil it is called by its name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
from tests.fault.harness.checker import SHOWN, FinalState, Row, by_invariant, check
from tests.fault.harness.history import History, Record


def record(t: float, client: str, op: str, phase: str = "ok", **what: object) -> Record:
    return Record(t_mono=t, client=client, op=op, phase=phase, **what)  # type: ignore[arg-type]


def hear(t: float, number: int, text: str, source: str = "live", client: str = "bob", seq: int | None = None) -> Record:
    place = number if seq is None else seq
    return record(
        t, client, "hear", room="r", change_seq=number, seq=place, body_hash=text, secret="r", source=source
    )  # fmt: skip


def a_run() -> tuple[list[Record], FinalState]:
    """Ann sends a, b, c, d into room r, whose numbers 1 and 2 are their comings; b is edited; one send is never answered.

    Bob hears a and b, is away, and syncs. Cleo comes in later.
    """
    history = [
        record(0.0, "ann", "member", room="r", about="in"),
        record(0.0, "bob", "member", room="r", about="in"),
        record(0.1, "bob", "begin", room="r", seq=2),
        *(
            one
            for number, text in enumerate("abcd", 3)
            for one in (
                record(number, "ann", "send", "invoke", room="r", client_id=text, body_hash=text),
                record(number + 0.1, "ann", "send", room="r", client_id=text, seq=number),
            )
        ),
        record(7.5, "ann", "send", "invoke", room="r", client_id="e", body_hash="e"),
        record(7.6, "ann", "edit", "invoke", room="r"),
        hear(4.0, 3, "a"),
        hear(5.0, 4, "b"),
        record(8.0, "reader", "read", room="r", seq=6, numbers=[3, 4, 5, 6]),
        record(8.1, "bob", "marks", room="r", numbers=[4, 3, 6]),
        record(8.2, "bob", "marks", room="r", numbers=[6, 6, 7]),
        hear(8.3, 5, "c", "sync"),
        hear(8.3, 6, "d", "sync"),
        hear(8.3, 7, "B", "sync", seq=4),
        record(8.4, "bob", "page", room="r", seq=4, change_seq=7),
        hear(8.5, 9, "f", seq=9),
        record(8.4, "cleo", "member", room="r", about="in"),
        record(9.0, "bob", "done", room="r", change_seq=9),
    ]
    rows = [
        Row(3, 3, "ann", "a", "a", 1),
        Row(4, 7, "ann", "b", "B", 2),
        Row(5, 5, "ann", "c", "c", 3),
        Row(6, 6, "ann", "d", "d", 4),
        Row(9, 9, "sql", "", "f"),
    ]
    final = FinalState(
        rows={"r": rows},
        others={"r": {1, 2, 8}},
        last_seq={"r": 9},
        pages={"r": [(row.seq, row.body_hash) for row in rows]},
        marks=[("bob", "r", 6, 6)],
    )
    return history, final


def test_a_good_run_violates_nothing_and_everything_was_looked_at() -> None:
    checked: Counter[str] = Counter()
    assert check(*a_run(), checked=checked) == []
    assert {name: checked[name] for name in ("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9")} == {
        "I1": 4, "I2": 1, "I3": 5, "I4": 7, "I5": 5, "I6": 4, "I7": 1, "I8": 6, "I9": 3,
    }  # fmt: skip


Spoil = Callable[[list[Record], FinalState], object]


def find(history: list[Record], op: str, **what: object) -> Record:
    return next(one for one in history if one.op == op and all(getattr(one, name) == is_ for name, is_ in what.items()))


def lose_a_row(history: list[Record], final: FinalState) -> None:
    final.rows["r"] = [row for row in final.rows["r"] if row.seq != 6]


def store_twice(history: list[Record], final: FinalState) -> None:
    final.rows["r"].append(Row(10, 10, "ann", "a", "a", 5))
    final.last_seq["r"] = 10


def another_place(history: list[Record], final: FinalState) -> None:
    find(history, "send", phase="ok", client_id="a").seq = 5


def another_text(history: list[Record], final: FinalState) -> None:
    final.rows["r"][2] = Row(5, 5, "ann", "c", "z", 3)


def ack_twice(history: list[Record], final: FinalState) -> None:
    history.append(record(9.1, "ann", "send", room="r", client_id="a", seq=4))


def refuse_what_is_stored(history: list[Record], final: FinalState) -> None:
    one = find(history, "send", phase="ok", client_id="d")
    one.phase, one.seq = "fail", 0


def store_what_nobody_sent(history: list[Record], final: FinalState) -> None:
    final.rows["r"][4] = Row(9, 9, "ann", "x", "f", 5)


def store_an_unanswered_twice(history: list[Record], final: FinalState) -> None:
    final.rows["r"] += [Row(10, 10, "ann", "e", "e", 5), Row(11, 11, "ann", "e", "e", 6)]
    final.last_seq["r"] = 11


def leave_numbers_out(history: list[Record], final: FinalState) -> None:
    final.last_seq["r"] = 12


def take_a_place_twice(history: list[Record], final: FinalState) -> None:
    final.rows["r"].append(Row(6, 6, "sql", "", "y"))


def skip_one_live(history: list[Record], final: FinalState) -> None:
    history.remove(find(history, "hear", change_seq=3))


def skip_one_in_a_page(history: list[Record], final: FinalState) -> None:
    history.remove(find(history, "hear", change_seq=5))


def hear_twice(history: list[Record], final: FinalState) -> None:
    history.insert(history.index(find(history, "hear", change_seq=4)), hear(5.0, 3, "a"))


def hear_out_of_order(history: list[Record], final: FinalState) -> None:
    first, second = find(history, "hear", change_seq=3), find(history, "hear", change_seq=4)
    first.change_seq, second.change_seq, first.seq, second.seq = 4, 3, 4, 3


def sync_from_elsewhere(history: list[Record], final: FinalState) -> None:
    find(history, "page").seq = 3


def never_catch_up(history: list[Record], final: FinalState) -> None:
    find(history, "done").change_seq = 7


def keep_the_old_text(history: list[Record], final: FinalState) -> None:
    history.remove(find(history, "hear", change_seq=7))


def tell_two_different_things(history: list[Record], final: FinalState) -> None:
    history += [
        record(0.1, "cleo", "begin", room="r", seq=2),
        record(0.1, "cleo", "member", room="r", about="in"),
        hear(9.0, 3, "z", client="cleo"),
    ]


def rest_differs(history: list[Record], final: FinalState) -> None:
    final.pages["r"].pop()


def texts_of_another_room(history: list[Record], final: FinalState) -> None:
    find(history, "hear", change_seq=3).secret = "s"


def swap_a_sender_s_messages(history: list[Record], final: FinalState) -> None:
    final.rows["r"][2:4] = [Row(5, 5, "ann", "c", "c", 4), Row(6, 6, "ann", "d", "d", 3)]


def not_seen_by_a_reader(history: list[Record], final: FinalState) -> None:
    find(history, "read").numbers = [3, 4, 6]


def before_they_came(history: list[Record], final: FinalState) -> None:
    history += [record(0.1, "cleo", "begin", room="r", seq=2), hear(8.2, 3, "a", client="cleo")]


def after_they_left(history: list[Record], final: FinalState) -> None:
    history.insert(-1, record(7.0, "bob", "member", room="r", about="out"))


def marks_go_back(history: list[Record], final: FinalState) -> None:
    history.append(record(9.2, "bob", "marks", room="r", numbers=[5, 5, 9]))


def read_before_delivered(history: list[Record], final: FinalState) -> None:
    final.marks = [("bob", "r", 6, 7)]


def delivered_beyond_the_room(history: list[Record], final: FinalState) -> None:
    history.append(record(9.2, "bob", "marks", room="r", numbers=[10, 6, 9]))


@pytest.mark.parametrize(
    ("invariant", "spoil"),
    [
        *(("I1", one) for one in (lose_a_row, store_twice, another_place, another_text, ack_twice)),
        *(("I2", one) for one in (refuse_what_is_stored, store_what_nobody_sent, store_an_unanswered_twice)),
        *(("I3", one) for one in (leave_numbers_out, take_a_place_twice)),
        *(("I4", one) for one in (skip_one_live, skip_one_in_a_page, hear_twice, hear_out_of_order)),
        *(("I4", one) for one in (sync_from_elsewhere, never_catch_up, keep_the_old_text)),
        *(("I5", one) for one in (tell_two_different_things, rest_differs, texts_of_another_room)),
        ("I6", swap_a_sender_s_messages),
        ("I7", not_seen_by_a_reader),
        *(("I8", one) for one in (before_they_came, after_they_left)),
        *(("I9", one) for one in (marks_go_back, read_before_delivered, delivered_beyond_the_room)),
        ("I10", lambda _, final: final.presence.append("bob is online")),
        ("I11", lambda _, final: final.troubles.append("node1 ended by itself")),
        ("I12", lambda _, final: final.growth.append("node1 has 3 connections")),
        ("I0", lambda history, _: history.clear()),
    ],
)
def test_what_is_spoilt_is_called_by_its_name(invariant: str, spoil: Spoil) -> None:
    history, final = deepcopy(a_run())
    spoil(history, final)
    assert invariant in by_invariant(check(history, final))


def test_after_a_restore_only_those_who_begin_anew_are_right() -> None:
    history, final = a_run()
    rows = [Row(3, 3, "ann", "a", "a", 1), Row(4, 4, "ann", "g", "g", 5)]  # what stood under 4 is another message now
    final = FinalState({"r": rows}, {"r": {1, 2}}, {"r": 4}, {"r": [(3, "a"), (4, "g")]}, epoch="e2")
    history[-1:] = [
        record(8.6, "", "restored", "info"),
        record(8.7, "ann", "send", "invoke", room="r", client_id="g", body_hash="g"),
        record(8.7, "ann", "send", room="r", client_id="g", seq=4),
    ]
    anew = [
        record(8.7, "bob", "begin", room="r", seq=3, epoch="e2"),
        record(8.8, "bob", "hear", room="r", change_seq=4, seq=4, body_hash="g", secret="r", source="live", epoch="e2"),
        record(8.9, "bob", "done", room="r", change_seq=4),
    ]
    assert check([*history, *anew], final) == []
    assert "I4" in by_invariant(check([*history, *anew[1:]], final))


def test_a_stay_ends_a_second_after_leaving() -> None:
    history, final = a_run()
    history.insert(-1, record(7.6, "bob", "member", room="r", about="out"))
    assert not [one for one in check(history, final) if one.invariant == "I8" and "bob" in one.what]


def test_of_many_violations_the_first_are_told() -> None:
    history, final = a_run()
    final.troubles = ["again"] * (SHOWN + 5)
    found = check(history, final)
    assert len(found) == SHOWN + 1
    assert found[-1].what == "… and 5 more"


def test_a_history_is_read_as_it_was_noted(tmp_path: Path) -> None:
    history = History(tmp_path / "history")
    history.note("ann", "send", "invoke", room="r", client_id="a", body_hash="b")
    history.note("bob", "marks", numbers=[1, 2, 3], t_mono=5.0)
    first, second = history
    history.close()
    assert (first.client, first.op, first.phase, first.room, first.client_id) == ("ann", "send", "invoke", "r", "a")
    assert (second.t_mono, second.numbers) == (5.0, [1, 2, 3])
