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

-- name: claim_backup
-- Takes the backup that was due at $1 (seconds since 1970), if none was made since, nobody took it in the last quarter of
-- an hour, and none is under way.
INSERT INTO hubbub.meta AS k (key, value)
SELECT 'backup_begun', extract(epoch FROM now())::text
WHERE pg_try_advisory_xact_lock(hashtext('hubbub.backup')) AND coalesce(
    (SELECT d.value::float8 FROM hubbub.meta AS d WHERE d.key = 'backup_done'), 0) < $1::float8
ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE k.value::float8 < extract(epoch FROM now()) - 900
RETURNING true;

-- name: hold_backup
-- Until this transaction ends, no other process begins a backup by the clock.
SELECT pg_try_advisory_xact_lock_shared(hashtext('hubbub.backup'));

-- name: backup_made
-- Remembers that a backup was made that holds what was committed until $1 (seconds since 1970).
INSERT INTO hubbub.meta (key, value) VALUES ('backup_done', $1::float8::text)
ON CONFLICT (key) DO UPDATE SET value = excluded.value;

-- name: latest_backup
-- When the latest backup was made: seconds since 1970; 0: never.
SELECT coalesce((SELECT k.value::float8 FROM hubbub.meta AS k WHERE k.key = 'backup_done'), 0);
