"""The seven tables: made anew, or an older backend's brought to their form. SQL: 0001_tables.sql, 0001_adopt.sql."""

revision = "0001"
down_revision = None
