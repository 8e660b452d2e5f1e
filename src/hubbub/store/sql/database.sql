-- What the pool asks of the server.

-- name: server_process
-- The process that serves this connection, as the server itself counts.
SELECT pg_backend_pid();
