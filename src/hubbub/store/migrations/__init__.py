"""How a database gets to be what schema.sql shows: Alembic revisions, each a plain `.sql` file. Run by `store/migrate.py`."""
