"""The use cases, one file each, read in four verbs: access -> check -> do -> publish.

`access_*` is the only way to get a room or a message; `check_*` is all that can fail on bad input; the work is one
transaction in `store/`; after its commit the bus is told. REST and sockets call the same functions.
`context.py` holds what they work with.
"""
