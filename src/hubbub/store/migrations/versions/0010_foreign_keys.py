"""Every foreign key has an index: removing a user reads no table whole. SQL: 0010_foreign_keys.sql."""

revision = "0010"
down_revision = "0009"
