"""What the use cases work with. Made once, by `app.py`, and handed to each of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from hubbub.chat.group_read import GroupRead
from hubbub.chat.limiter import FailureLimiter, SendLimiter
from hubbub.chat.passwords import Passwords
from hubbub.chat.presence import Presence
from hubbub.chat.receipts import ReceiptBook
from hubbub.chat.sign_in_stats import SignInStats
from hubbub.chat.tokens import Tokens
from hubbub.chat.typing import TypingBook
from hubbub.domain.answers import RoomChanges
from hubbub.domain.model import Room
from hubbub.fanout.bus import Bus
from hubbub.store.arrivals import Arrival
from hubbub.store.database import Database
from hubbub.store.journal import Journal
from hubbub.store.sync import Look


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the operator decided that use cases must know.

    Attributes:
        refresh_expires_in: seconds a session lives without use.
    """

    max_message_bytes: int
    refresh_expires_in: int
    public_directory: bool
    allow_guests: bool
    registration_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """The parts a use case may use; none of them knows of sockets or HTTP.

    Attributes:
        arrivals: by session and account, what one who connects is to be told.
        looks: by person and rooms, where the rooms stand.
        pages: by room, number and limit, what changed since.
    """

    database: Database
    journal: Journal
    bus: Bus
    tokens: Tokens
    passwords: Passwords
    receipts: ReceiptBook
    presence: Presence
    typing: TypingBook
    login_failures: FailureLimiter
    sends: SendLimiter
    arrivals: GroupRead[tuple[UUID, UUID], Arrival | None]
    looks: GroupRead[tuple[UUID, list[UUID]], Look]
    pages: GroupRead[tuple[Room, int, int], RoomChanges]
    rules: Rules
    sign_in_stats: SignInStats = field(default_factory=SignInStats)
