-- What an adoption of the older backend's tables would change. They read whole tables, in a transaction that is undone.

-- name: tables
-- The tables of the public schema.
SELECT c.relname AS name
FROM pg_class AS c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
ORDER BY 1;

-- name: count
-- How many rows a table has.
SELECT count(*) FROM {table};

-- name: columns
-- The columns of the chat's tables.
SELECT c.relname || '.' || a.attname AS name
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY ($1::text[])
ORDER BY 1;

-- name: triggers
-- Triggers on the chat's tables that are not Hubbub's own.
SELECT c.relname || '.' || t.tgname AS name
FROM pg_trigger AS t
JOIN pg_class AS c ON c.oid = t.tgrelid
WHERE NOT t.tgisinternal AND t.tgname NOT LIKE 'hubbub\_%' AND c.relnamespace = 'public'::regnamespace AND c.relname = ANY ($1::text[])
ORDER BY 1;

-- name: set_aside
-- Rows that point nowhere, by the table they stood in; they are kept in hubbub.adopted_orphans.
SELECT table_name AS name, count(*) AS rows FROM hubbub.adopted_orphans GROUP BY 1 ORDER BY 1;

-- name: lost_rooms
-- Rooms made for messages whose room was not known.
SELECT count(*) FROM public.rooms WHERE room_name LIKE 'lost-and-found %';
