-- Moving all of a chat from one database to another: what both have, and how far the other is. Those that read the rows of
-- a table read all of it, for all of it is to be moved.

-- name: full_names
-- For this transaction, definitions name the schema of everything: the embedded role `hubbub` would find its own unnamed.
SET LOCAL search_path = '';

-- name: no_hurry
-- Lets nothing be cut short that an administrator bounds for ordinary sessions: a copy, an index, the wait between two chunks.
SELECT set_config(name, '0', false) FROM unnest(ARRAY[
    'statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout']) AS t (name);

-- name: mark
-- The word of `hubbub.alembic_version`: a revision, or that a move into this database is under way.
SELECT max(version_num) FROM hubbub.alembic_version;

-- name: set_mark
-- Says which it is.
UPDATE hubbub.alembic_version SET version_num = $1;

-- name: system
-- What tells this PostgreSQL from all others.
SELECT system_identifier FROM pg_control_system();

-- name: count
-- How many rows a table has, exactly.
SELECT count(*) FROM {table};

-- name: constraints
-- Every constraint but the primary keys and what belongs to a column, as the command that makes it: unique ones first,
-- for others refer to them.
SELECT
    n.nspname AS schema, c.relname AS relation, x.conname AS name,
    format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s', n.nspname, c.relname, x.conname, pg_get_constraintdef(x.oid)) AS made_by
FROM pg_constraint AS x
JOIN pg_class AS c ON c.oid = x.conrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN ('public', 'hubbub') AND c.relkind = 'r' AND x.contype IN ('u', 'f')
ORDER BY x.contype = 'f', 1, 2, 3;

-- name: indexes
-- Every index that no constraint owns, as the command that makes it.
SELECT n.nspname AS schema, c.relname AS name, pg_get_indexdef(c.oid) AS made_by
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_class AS t ON t.oid = i.indrelid
WHERE n.nspname IN ('public', 'hubbub') AND t.relkind = 'r'
    AND NOT EXISTS (SELECT FROM pg_constraint AS x WHERE x.conindid = i.indexrelid AND x.contype IN ('p', 'u', 'x'))
ORDER BY 1, 2;

-- name: is_unused
-- Whether nobody has ever come here: what `hubbub db init` makes is no content.
SELECT NOT EXISTS (SELECT FROM public.users) AND NOT EXISTS (SELECT FROM public.messages);

-- name: set_triggers
-- Turns a table's own triggers off, or on again; a role that owns the table may.
ALTER TABLE {table} {how} TRIGGER USER;

-- name: drop_constraint
-- Takes a constraint away for the time of the copying.
ALTER TABLE {table} DROP CONSTRAINT {constraint};

-- name: drop_index
-- Takes an index away for the time of the copying.
DROP INDEX {name};

-- name: truncate
-- Forgets what is there.
TRUNCATE {table};

-- name: last
-- The last row by its key: up to there everything was copied.
SELECT {key} FROM {table} ORDER BY {backwards} LIMIT 1;

-- name: bound
-- The key of the last row of the next chunk; none where less than a chunk is left.
SELECT {key} FROM {table} {where} ORDER BY {key} OFFSET {skipped} LIMIT 1;

-- name: chunk
-- The rows of one chunk.
SELECT {columns} FROM {table} {where};

-- name: analyze
-- Lets the planner know what has come.
ANALYZE;
