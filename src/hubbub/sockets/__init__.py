"""The chat's socket edge: events of clients to use cases, changes to events of clients. One file per noun, as `rest/`.

`events.py` the table: event name -> command -> handler · `edge.py` what handlers work with, and each socket's seat ·
`connect.py` who may come in, subscribing · `messages.py` · `rooms.py` · `people.py` handlers · `delivery.py` changes to
listeners · `roster.py` who is here, once a second. `realtime/` below knows nothing of all this.
"""
