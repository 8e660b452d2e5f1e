-- What a database of Hubbub holds, table by table. These read all there is, for all of it is summed up.

-- name: plain
-- For this transaction, values have one form as text, whatever the server's settings.
SELECT
    set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO, YMD', true),
    set_config('IntervalStyle', 'postgres', true), set_config('bytea_output', 'hex', true),
    set_config('extra_float_digits', '1', true), set_config('statement_timeout', '0', true),
    set_config('idle_in_transaction_session_timeout', '0', true);

-- name: tables
-- The tables in schemas public and hubbub, with their columns by name, the columns of their primary keys in its order, and
-- whether one of those is text, which two databases may sort in two ways.
SELECT
    n.nspname AS schema, c.relname AS name,
    (SELECT array_agg(a.attname::text ORDER BY a.attname) FROM pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns,
    coalesce(k.columns, ARRAY[]::text[]) AS key, coalesce(k.is_text, false) AS has_text_key
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (
    SELECT array_agg(a.attname::text ORDER BY u.place) AS columns, bool_or(a.attcollation <> 0) AS is_text
    FROM pg_index AS i
    CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY AS u (number, place)
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = u.number
    WHERE i.indrelid = c.oid AND i.indisprimary
) AS k ON true
WHERE n.nspname IN ('public', 'hubbub') AND c.relkind = 'r'
ORDER BY 1, 2;

-- name: digest
-- How many rows a table has, and a sum over the hashes of them all, in which their order makes no difference.
SELECT
    count(*) AS rows,
    to_hex((coalesce(sum(('x' || encode(substring(sha256(convert_to(ROW({columns})::text, 'UTF8')) FOR 8), 'hex'))::bit(64)::bigint), 0)
        % 9223372036854775807)::bigint) AS checksum
FROM {table};

-- name: snapshot
-- A name by which other sessions may see what this transaction sees.
SELECT pg_export_snapshot();
