"""Sessions, journal, sequencer and leases of several nodes in one process, in virtual time, from one seed (campaign C23).

`clock.py` the loop whose time jumps · `truth.py` the database that may fail · `wire.py` bytes that are delayed and cut ·
`node.py` the real parts of a node, and its death · `client.py` a client that loses nothing · `world.py` one run of a seed.

What is simulated is only what lies around Hubbub: the database, the bus, the network, the clock. Everything a seed leads
to can be led to again by it: `python -m tests.fault.simulation --first 7 --count 1`. (Anchor: FoundationDB's simulation.)
"""
