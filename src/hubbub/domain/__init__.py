"""PURE: what the chat is made of, and its rules. No I/O, no clock, no database, no sockets.

`model` the nouns clients see · `commands` what clients may ask, parsed and bounded · `events` what clients are told ·
`policy` who may do what · `limits` the numbers · `ids` identifiers and times.
"""
