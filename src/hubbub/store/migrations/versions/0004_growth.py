"""What keeps lists and unread counts cheap at any size: two indexes. SQL: 0004_growth.sql."""

revision = "0004"
down_revision = "0003"
