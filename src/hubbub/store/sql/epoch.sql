-- Which time of the database this is; see store/epoch.py.

-- name: stored
-- The stored epoch, with the transaction that wrote it, which a restored row has anew, and the database's number, which
-- a copy has anew; and whether the server is a standby.
SELECT pg_is_in_recovery() AS is_standby, concat_ws(
    ' ',
    (SELECT e.value || ' ' || e.xmin::text FROM hubbub.meta AS e WHERE e.key = 'epoch'),
    (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
) AS stored;

-- name: lineage
-- Whose data these are, and the timeline now written: the first eight digits of a segment's name.
SELECT s.system_identifier::text, ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer
FROM pg_control_system() AS s;

-- name: renew
-- Begins a new epoch.
INSERT INTO hubbub.meta (key, value) VALUES ('epoch', gen_random_uuid()::text)
ON CONFLICT (key) DO UPDATE SET value = excluded.value;

-- name: bounds
-- What a session may take, in milliseconds: a statement, a wait for a lock, a pause inside a transaction, and a client
-- that has gone silent (its machine is off) before its locks are taken from it. Not parameters of the connection's
-- start, which a pooler refuses.
SELECT set_config('statement_timeout', $1, false), set_config('lock_timeout', $1, false),
    set_config('idle_in_transaction_session_timeout', $1, false), set_config('tcp_user_timeout', $1, false),
    set_config('tcp_keepalives_idle', $2, false), set_config('tcp_keepalives_interval', $2, false),
    set_config('tcp_keepalives_count', '3', false);
