"""How what was committed reaches every process, and every room's listeners in order.

`bus.py` the seam and its promises · `local.py` one process · `line_bus.py` several, over `postgres.py` or `nats.py`
(`nats_connection.py`) · `codec.py` hints as signed bytes · `sequencer.py` one room: in order, once, gaps repaired ·
`feeds.py` the rooms in use, and the look once a second.
"""
