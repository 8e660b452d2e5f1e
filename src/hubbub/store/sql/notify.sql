-- What processes tell each other through the database, in no transaction but its own.

-- name: notify
-- Sends payloads on a channel, in one transaction: NOTIFY takes a lock over all databases while it commits.
SELECT pg_notify($1, p.payload) FROM unnest($2::text[]) AS p (payload);

-- name: free
-- What everybody has heard leaves the server's queue. PostgreSQL sees to that when it notifies, which it no longer does
-- once the queue was full: then nothing else would ever empty it, though the listener that had filled it is gone.
SELECT pg_notification_queue_usage();

-- name: ping
-- Does the connection that listens still answer?
SELECT 1;
