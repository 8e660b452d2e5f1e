"""What keeps the laws: the server's own tables, functions, triggers, views. SQL: 0002_laws.sql."""

revision = "0002"
down_revision = "0001"
