"""What plain SQL writes is told at once; a function for applications that send. SQL: 0007_sql_live.sql."""

revision = "0007"
down_revision = "0006"
