"""The numbers that bound everything a client may send or be sent (law 7). The manual lists them from here."""

from typing import Final

USERNAME_MIN: Final = 2
USERNAME_MAX: Final = 50  # characters; the column's width
EMAIL_MAX: Final = 255
PASSWORD_MIN: Final = 8
PASSWORD_MAX: Final = 1024  # longer would only cost hashing time
DISPLAY_NAME_MAX: Final = 100
AVATAR_MAX: Final = 2_048  # characters of an address
BIO_MAX: Final = 2_000
ROOM_NAME_MAX: Final = 100
DESCRIPTION_MAX: Final = 2_000
CLIENT_ID_MAX: Final = 64
SEARCH_MAX: Final = 100
TOKEN_MAX: Final = 4_096

PAGE_DEFAULT: Final = 50
PAGE_MAX: Final = 100  # rows of any list in one answer
HISTORY_ON_JOIN: Final = 100  # messages sent with `message-history`
READY_ROOMS: Final = 500  # rooms listed in `ready`; the rest by REST
UNREAD_MAX: Final = 1_000  # unread messages are counted up to this many
UNREAD_LOOK: Final = 10_000  # messages looked at for that: one's own and tombstones do not count
SYNC_PAGE: Final = 200  # changes of one room in one `sync` answer
SYNC_CHANGES: Final = 1_000  # changes of all rooms in one `sync` answer
SYNC_ROOMS: Final = 500  # rooms in one `sync`
ARRIVALS_MAX: Final = 2_000  # connects that may wait to be signed in; more are closed, and come back by themselves
LOOKS_MAX: Final = 10_000  # `sync`s that may wait for where their rooms stand; more are answered `overloaded`
NAMED_PEOPLE_MAX: Final = 100  # up to this many, people are listed (room-users, readBy); above, only counted
RECEIPT_ROWS_PER_STATEMENT: Final = 2_000  # rows of message_reads written at once for one reader
PRESENCE_MEMBERS_MAX: Final = 200  # in larger rooms nobody is told who comes on-line, only how many are there
PRESENCE_ROOMS_MAX: Final = 500
TYPING_SECONDS: Final = 6  # after which `typing` expires by itself
LEGACY_JOIN_SECONDS: Final = 10  # an older client's time to send its token with `join`
SOCKETS_PER_ACCOUNT: Final = 200  # that have signed in, in one process
ROOMS_PER_USER: Final = 2_000  # memberships of one person
EDIT_HISTORY_MAX: Final = 100  # versions listed
OFFSET_MAX: Final = 10_000  # of the older clients' `offset`; go on with a cursor
FAILURES_OF_NAME: Final = 10  # wrong passwords for one name from one address in a minute; then `rate_limited`
FAILURES_OF_ADDRESS: Final = 60  # the same for all names together
SEND_BURST_SECONDS: Final = 20  # a burst of sends may be what HUBBUB_SEND_RATE allows in this many seconds
EVENTS_PER_SECOND: Final = 100  # of one connection, beside its sends
EVENTS_BURST: Final = 1_000
