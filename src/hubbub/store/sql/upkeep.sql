-- What keeps a database in order.

-- name: remember
-- Settings that the triggers and functions which plain SQL meets have to know.
INSERT INTO hubbub.meta (key, value) SELECT * FROM unnest($1::text[], $2::text[])
ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE meta.value <> excluded.value;

-- name: deployment
-- The name of this database's deployment, for buses that several share; made when it is first asked for.
INSERT INTO hubbub.meta (key, value) VALUES ('deployment', gen_random_uuid()::text)
ON CONFLICT (key) DO UPDATE SET value = meta.value
RETURNING value;

-- name: prune
-- Forgets sessions that ended more than a week ago, a bounded number at a time; their tokens go with them.
DELETE FROM hubbub.auth_sessions WHERE session_id IN (
    SELECT session_id FROM hubbub.auth_sessions
    WHERE expires_at < now() - interval '7 days' OR revoked_at < now() - interval '7 days'
    LIMIT 1000
);
