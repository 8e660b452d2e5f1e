"""What an operator's trigger writes is told at once too. SQL: 0008_operators_triggers.sql."""

revision = "0008"
down_revision = "0007"
