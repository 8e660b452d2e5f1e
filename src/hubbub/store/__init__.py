"""Everything that is SQL: the only importer of the PostgreSQL driver beside `postgres/`.

`database.py` the pool, the named statements, errors in our words · `journal.py` group commit ·
one file per noun: functions that take a connection and give domain values · `sql/*.sql` every statement, named ·
`schema.sql` the whole present · `migrations/` how a database gets there.
"""
