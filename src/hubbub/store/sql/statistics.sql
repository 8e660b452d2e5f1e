-- How the database does, as PostgreSQL's statistics have it: sizes, rows, indexes, connections, what runs now. They read
-- catalogs, whose size is that of the schema and not of the chat; counts of rows are PostgreSQL's estimates.

-- name: database
-- The database in use: its size, how much of what it read was in memory, and since when that is counted.
SELECT current_database() AS name, current_setting('server_version') AS version,
    pg_database_size(current_database()) AS bytes, d.blks_hit AS pages_in_memory, d.blks_read AS pages_read,
    d.xact_commit AS commits, d.xact_rollback AS rollbacks, d.deadlocks, d.temp_bytes,
    coalesce(d.stats_reset, pg_postmaster_start_time()) AS counted_since, pg_postmaster_start_time() AS started_at,
    current_setting('max_connections')::integer AS max_connections
FROM pg_stat_database AS d WHERE d.datname = current_database();

-- name: tables
-- The largest tables: sizes, estimated rows, rows that are dead but not yet cleared away, how they are read, and when they
-- were last cleared and analysed.
SELECT s.schemaname || '.' || s.relname AS name, pg_total_relation_size(s.relid) AS bytes,
    pg_indexes_size(s.relid) AS index_bytes, s.n_live_tup AS estimated_rows, s.n_dead_tup AS dead_rows,
    s.seq_scan AS whole_reads, s.seq_tup_read AS rows_of_whole_reads, coalesce(s.idx_scan, 0) AS index_reads,
    greatest(s.last_vacuum, s.last_autovacuum) AS vacuumed_at, greatest(s.last_analyze, s.last_autoanalyze) AS analyzed_at
FROM pg_stat_user_tables AS s
ORDER BY bytes DESC NULLS LAST, name LIMIT $1;

-- name: unused_indexes
-- Indexes that nothing has read since statistics are counted, those that keep something unique left out.
SELECT i.schemaname || '.' || i.indexrelname AS name, i.schemaname || '.' || i.relname AS "table",
    pg_relation_size(i.indexrelid) AS bytes
FROM pg_stat_user_indexes AS i JOIN pg_index AS x USING (indexrelid)
WHERE i.idx_scan = 0 AND NOT x.indisunique AND NOT x.indisexclusion
ORDER BY bytes DESC NULLS LAST, name LIMIT $1;

-- name: unindexed_keys
-- Foreign keys whose columns begin no index: whoever removes what they point to reads the whole table. An index of those
-- rows alone that have a value will do.
SELECT n.nspname || '.' || c.relname AS "table", k.conname AS name, pg_get_constraintdef(k.oid) AS definition,
    pg_total_relation_size(c.oid) AS bytes
FROM pg_constraint AS k
JOIN pg_class AS c ON c.oid = k.conrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE k.contype = 'f' AND NOT EXISTS (
    SELECT FROM pg_index AS x
    WHERE x.indrelid = k.conrelid AND x.indisvalid
      AND (x.indkey::smallint[])[0:cardinality(k.conkey) - 1] @> k.conkey
      AND (x.indpred IS NULL OR EXISTS (
          SELECT FROM pg_attribute AS a
          WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
            AND pg_get_expr(x.indpred, x.indrelid) = format('(%I IS NOT NULL)', a.attname)))
)
ORDER BY bytes DESC, name LIMIT $1;

-- name: connections
-- Who is connected to the server, by database, application, role and state; all count towards max_connections.
SELECT a.datname AS database, a.application_name AS application, a.usename AS role, coalesce(a.state, 'not told') AS state,
    count(*) AS connections
FROM pg_stat_activity AS a WHERE a.backend_type = 'client backend'
GROUP BY 1, 2, 3, 4 ORDER BY connections DESC, 1, 2, 3, 4;

-- name: activity
-- What the connections to this database do, the longest at it first: for how long, and which others they wait for. Idle
-- ones where `$1` says so. A query's text is the client's; its parameters are not in it.
SELECT a.pid, a.application_name AS application, a.usename AS role, host(a.client_addr) AS client,
    coalesce(a.state, 'not told') AS state,
    clock_timestamp() - CASE WHEN a.state = 'active' THEN a.query_start ELSE a.state_change END AS since,
    clock_timestamp() - a.xact_start AS in_transaction_since,
    CASE WHEN a.state = 'active' THEN a.wait_event END AS waits_in,
    pg_blocking_pids(a.pid) AS waits_for, a.query
FROM pg_stat_activity AS a
WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_type = 'client backend'
  AND ($1 OR a.state IS DISTINCT FROM 'idle')
ORDER BY since DESC NULLS LAST, a.pid LIMIT $2;

-- name: to_vacuum
-- The tables named (with or without their schema), or all, the smallest first, each with the command that clears it.
SELECT s.relid, s.schemaname || '.' || s.relname AS name,
    format('VACUUM (ANALYZE) %I.%I', s.schemaname, s.relname) AS command
FROM pg_stat_user_tables AS s
WHERE $1::text[] IS NULL OR s.relname = ANY ($1) OR s.schemaname || '.' || s.relname = ANY ($1)
ORDER BY pg_total_relation_size(s.relid), name;

-- name: table_now
-- One table's size, its dead rows, and when it was last cleared.
SELECT pg_total_relation_size(s.relid) AS bytes, s.n_dead_tup AS dead_rows, s.last_vacuum AS vacuumed_at
FROM pg_stat_user_tables AS s WHERE s.relid = $1;

-- name: explain
-- The command that explains the prepared statement `hubbub_explained` with options `$1` and parameters `$2`.
SELECT format('EXPLAIN (%s) EXECUTE hubbub_explained', $1::text) || coalesce(
    '(' || (SELECT string_agg(quote_nullable(p.value), ', ' ORDER BY p.place)
            FROM unnest($2::text[]) WITH ORDINALITY AS p (value, place)) || ')', '');

-- name: slowest
-- The command that asks the extension pg_stat_statements for what took the most time in this database; NULL where that
-- extension is not in it.
SELECT format(
    'SELECT s.query, s.calls, s.mean_exec_time / 1000 AS mean_seconds, s.total_exec_time / 1000 AS total_seconds '
    'FROM %I.pg_stat_statements AS s JOIN pg_database AS d ON d.oid = s.dbid '
    'WHERE d.datname = current_database() ORDER BY s.total_exec_time DESC LIMIT 5', n.nspname)
FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements';
