-- What processes tell each other through the database, in no transaction but its own.

-- name: notify
-- Sends payloads on a channel, in one transaction: NOTIFY takes a lock over all databases while it commits.
SELECT pg_notify($1, p.payload) FROM unnest($2::text[]) AS p (payload);

-- name: ping
-- Does the connection that listens still answer?
SELECT 1;
