"""How what was committed reaches every process, and every room's listeners in order.

`bus.py` the seam and its promises · `local.py` one process · `sequencer.py` per room: in order, once, gaps repaired.
"""
