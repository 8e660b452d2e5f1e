"""Bad inputs: every one that others were broken by, as data, and what this server is to answer.

`entry.py` says what an entry is; `http.py`, `engineio.py`, `socketio.py`, `people.py` and `texts.py` hold them, with
`scripts.py` for what takes more than one request; `absent.py` lists the inputs for which there is no door here, with the
reason. `runner.py` applies them to one `hubbub serve` beside two people who chat all the time.
"""

from __future__ import annotations

from typing import Final

from tests.fault.corpus import absent, engineio, http, people, scripts, socketio, texts
from tests.fault.corpus.entry import Absent, Entry

ENTRIES: Final[tuple[Entry, ...]] = (
    *http.ENTRIES, *engineio.ENTRIES, *socketio.ENTRIES, *people.ENTRIES, *texts.ENTRIES, *scripts.ENTRIES,
)  # fmt: skip
ABSENT: Final[tuple[Absent, ...]] = absent.ABSENT
