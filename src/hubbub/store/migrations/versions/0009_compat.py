"""Processes say how old their code is; the database says how old it may be. SQL: 0009_compat.sql.

`compat` in a migration: the oldest revision whose code may serve from then on. A migration that older code can go on with
has none (decision 0022).
"""

revision = "0009"
down_revision = "0008"
compat = 9
