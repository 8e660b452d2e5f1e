"""What people did under a client id, so that a repeat does nothing. SQL: 0005_commands.sql."""

revision = "0005"
down_revision = "0004"
