"""The journal's statement, planned once and short where nothing stands out. SQL: 0003_append.sql."""

revision = "0003"
down_revision = "0002"
