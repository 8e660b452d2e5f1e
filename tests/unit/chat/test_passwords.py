"""The queue of those who sign in: bounded for all, and for each address."""

from __future__ import annotations

import asyncio

import pytest

from hubbub.chat import passwords
from hubbub.chat.passwords import Passwords
from hubbub.errors import HubbubError


async def test_one_address_does_not_fill_the_queue_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "WAITING_MAX", 6)
    monkeypatch.setattr(passwords, "WAITING_OF_ADDRESS", 3)
    book = Passwords()
    try:
        flood = [asyncio.create_task(book.verify(None, "a guess", "10.0.0.1")) for _ in range(10)]
        others = [asyncio.create_task(book.hash("a password", f"10.0.0.{n}")) for n in range(2, 8)]
        answers = await asyncio.gather(*flood, *others, return_exceptions=True)
    finally:
        book.close()
    refused = [isinstance(answer, HubbubError) and answer.code == "overloaded" for answer in answers]
    assert refused == [False] * 3 + [True] * 7 + [False] * 3 + [True] * 3
    assert book._waiting.total() == 0


async def test_an_account_without_a_password_takes_as_long_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []
    monkeypatch.setattr(passwords, "_verify", lambda stored, _: looked_at.append(stored) or True)
    book = Passwords()
    try:
        for stored in (None, "", "!", "!deleted"):
            assert not await book.verify(stored, "a guess")
    finally:
        book.close()
    assert looked_at == [book._nobody] * 4
