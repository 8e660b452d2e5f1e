"""How what was committed reaches every process, and every room's listeners in order.

`bus.py` the seam and its promises · `local.py` one process · `sequencer.py` one room: in order, once,
gaps repaired · `feeds.py` the rooms in use, and the look once a second.
"""
