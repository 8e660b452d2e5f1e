-- Adoption in place: brings an older chat backend's tables to the form of 0001_tables.sql. Rows stay where they are, and
-- so do their ids; columns, triggers, indexes and tables that Hubbub does not know are left alone. Nobody may use the
-- database meanwhile: the tables are locked until the end, and a failure anywhere leaves everything as it was.
--   times without a zone are taken for UTC
--   messages get their places by (created_at, message_id); memberships get the numbers after them, by joined_at
--   authors who are no members become members; readers who are no members are noted as former ones
--   watermarks come from the receipts, and where a room gets rows, the rows in between are added
--   deleted messages lose their text, as everywhere in Hubbub
--   rows that point nowhere go to hubbub.adopted_orphans; messages of no room go to a private room without members
SET LOCAL timezone = 'UTC'; -- with this, PostgreSQL reads the times as UTC, and need not rewrite the tables

CREATE SCHEMA IF NOT EXISTS hubbub;

-- A new message id: a UUID of version 7 (RFC 9562, 5.7), whose first 48 bits are the time in milliseconds. Written in
-- SQL so that it is the same function on every server: a backup made on one version is restored on any other.
CREATE FUNCTION hubbub.new_id() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT encode(
        set_bit(set_bit(overlay(
            uuid_send(gen_random_uuid())
            PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
            FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
$$;

-- Tables that an early version of the older backend may lack. Only the columns that the following steps read.
CREATE TABLE IF NOT EXISTS public.message_reads (read_id uuid, message_id uuid, user_id uuid, read_at timestamptz);
CREATE TABLE IF NOT EXISTS public.message_deliveries (
    delivery_id uuid, message_id uuid, user_id uuid, delivered_at timestamptz);
CREATE TABLE IF NOT EXISTS public.room_members (
    member_id uuid, room_id uuid, user_id uuid, joined_at timestamptz, left_at timestamptz, is_active boolean);
CREATE TABLE IF NOT EXISTS public.active_sessions (
    session_id uuid, user_id uuid, socket_id varchar(255), room_id uuid, connected_at timestamptz, last_activity timestamptz);
LOCK TABLE public.users, public.rooms, public.messages, public.message_reads, public.message_deliveries,
    public.room_members, public.active_sessions IN ACCESS EXCLUSIVE MODE;

-- What each table is to be. Columns that may be missing are added, all are given their type, and later their default.
CREATE TEMPORARY TABLE adopt_columns ON COMMIT DROP AS
SELECT * FROM (VALUES
    ('users', 'user_id', 'uuid', '', false, 'gen_random_uuid()'),
    ('users', 'username', 'varchar(50)', '', true, ''),
    ('users', 'email', 'varchar(255)', '', false, ''),
    ('users', 'password', 'varchar(255)', '', false, ''),
    ('users', 'display_name', 'varchar(100)', '', false, ''),
    ('users', 'avatar', 'text', '', false, ''),
    ('users', 'bio', 'text', '', false, ''),
    ('users', 'status', 'varchar(20)', '''offline''', true, '''offline'''),
    ('users', 'last_seen', 'timestamptz', '', false, 'now()'),
    ('users', 'created_at', 'timestamptz', 'now()', true, 'now()'),
    ('users', 'last_login', 'timestamptz', '', false, ''),
    ('users', 'role', 'varchar(20)', '''user''', true, '''user'''),
    ('users', 'deleted_at', 'timestamptz', '', false, ''),
    ('users', 'disabled_at', 'timestamptz', '', false, ''),
    ('rooms', 'room_id', 'uuid', '', false, 'gen_random_uuid()'),
    ('rooms', 'room_name', 'varchar(100)', '', true, ''),
    ('rooms', 'description', 'text', '', false, ''),
    ('rooms', 'created_by', 'uuid', '', false, ''),
    ('rooms', 'is_private', 'boolean', 'false', true, 'false'),
    ('rooms', 'created_at', 'timestamptz', 'now()', true, 'now()'),
    ('rooms', 'last_seq', 'bigint', '0', true, '0'),
    ('rooms', 'change_seq', 'bigint', '0', true, '0'),
    ('rooms', 'message_count', 'bigint', '0', true, '0'),
    ('rooms', 'member_count', 'integer', '0', true, '0'),
    ('rooms', 'last_message_at', 'timestamptz', '', false, ''),
    ('rooms', 'client_id', 'varchar(64)', '', false, ''),
    ('rooms', 'deleted_at', 'timestamptz', '', false, ''),
    ('messages', 'message_id', 'uuid', '', false, 'hubbub.new_id()'),
    ('messages', 'user_id', 'uuid', '', false, ''),
    ('messages', 'room_id', 'uuid', '', true, ''),
    ('messages', 'message_text', 'text', '''''', true, ''),
    ('messages', 'created_at', 'timestamptz', 'coalesce(edited_at, now())', true, ''),
    ('messages', 'edited_at', 'timestamptz', '', false, ''),
    ('messages', 'is_deleted', 'boolean', 'false', true, 'false'),
    ('messages', 'seq', 'bigint', '', true, ''),
    ('messages', 'change_seq', 'bigint', '', true, ''),
    ('messages', 'client_id', 'varchar(64)', '', false, ''),
    ('messages', 'client_hash', 'bytea', '', false, ''),
    ('messages', 'reply_to', 'uuid', '', false, ''),
    ('message_reads', 'read_id', 'uuid', '', false, 'gen_random_uuid()'),
    ('message_reads', 'message_id', 'uuid', '', true, ''),
    ('message_reads', 'user_id', 'uuid', '', true, ''),
    ('message_reads', 'read_at', 'timestamptz', 'now()', true, 'now()'),
    ('message_deliveries', 'delivery_id', 'uuid', '', false, 'gen_random_uuid()'),
    ('message_deliveries', 'message_id', 'uuid', '', true, ''),
    ('message_deliveries', 'user_id', 'uuid', '', true, ''),
    ('message_deliveries', 'delivered_at', 'timestamptz', 'now()', true, 'now()'),
    ('room_members', 'member_id', 'uuid', '', false, 'gen_random_uuid()'),
    ('room_members', 'room_id', 'uuid', '', true, ''),
    ('room_members', 'user_id', 'uuid', '', true, ''),
    ('room_members', 'joined_at', 'timestamptz', 'now()', true, 'now()'),
    ('room_members', 'left_at', 'timestamptz', '', false, ''),
    ('room_members', 'is_active', 'boolean', '(left_at IS NULL)', true, 'true'),
    ('room_members', 'from_seq', 'bigint', '0', true, '0'),
    ('room_members', 'delivered_seq', 'bigint', '0', true, '0'),
    ('room_members', 'read_seq', 'bigint', '0', true, '0'),
    ('room_members', 'change_seq', 'bigint', '0', true, '0'),
    ('active_sessions', 'session_id', 'uuid', '', false, 'gen_random_uuid()'),
    ('active_sessions', 'user_id', 'uuid', '', true, ''),
    ('active_sessions', 'socket_id', 'varchar(255)', '', false, ''),
    ('active_sessions', 'room_id', 'uuid', '', false, ''),
    ('active_sessions', 'connected_at', 'timestamptz', 'now()', true, 'now()'),
    ('active_sessions', 'last_activity', 'timestamptz', 'now()', true, 'now()'),
    ('active_sessions', 'node_id', 'uuid', '', false, ''),
    ('active_sessions', 'auth_session_id', 'uuid', '', false, '')
) AS c (tab, col, typ, fallback, required, def);

-- Keys, each by the name it is to have. One of the same columns under another name is renamed, so that what depends on
-- it stays.
CREATE TEMPORARY TABLE adopt_keys ON COMMIT DROP AS
SELECT * FROM (VALUES
    ('users', 'users_pkey', 'p', '{user_id}'::text[]),
    ('users', 'users_username_key', 'u', '{username}'),
    ('users', 'users_email_key', 'u', '{email}'),
    ('rooms', 'rooms_pkey', 'p', '{room_id}'),
    ('rooms', 'rooms_room_name_key', 'u', '{room_name}'),
    ('messages', 'messages_pkey', 'p', '{message_id}'),
    ('message_reads', 'message_reads_pkey', 'p', '{read_id}'),
    ('message_reads', 'message_reads_message_id_user_id_key', 'u', '{message_id,user_id}'),
    ('message_deliveries', 'message_deliveries_pkey', 'p', '{delivery_id}'),
    ('message_deliveries', 'message_deliveries_message_id_user_id_key', 'u', '{message_id,user_id}'),
    ('room_members', 'room_members_pkey', 'p', '{member_id}'),
    ('room_members', 'room_members_room_id_user_id_key', 'u', '{room_id,user_id}'),
    ('active_sessions', 'active_sessions_pkey', 'p', '{session_id}')
) AS k (tab, name, kind, cols);

-- Look before anything is touched: whatever breaks a rule of Hubbub's is told in one list.
DO $$
DECLARE
    ours constant oid[] := ARRAY(SELECT DISTINCT ('public.' || c.tab)::regclass::oid FROM adopt_columns AS c);
    views constant oid[] := ARRAY(
        SELECT v.oid FROM pg_class AS v
        WHERE v.relnamespace = 'public'::regnamespace
            AND v.relname IN ('messages_with_user_view', 'room_stats_view', 'active_users_view'));
    problems text[] := '{}';
    found text;
    bad bigint;
    c record;
BEGIN
    -- Types that cannot be what they are to be.
    FOR c IN
        SELECT x.tab, x.col, x.typ, format_type(a.atttypid, NULL) AS found
        FROM adopt_columns AS x
        JOIN pg_attribute AS a ON a.attrelid = ('public.' || x.tab)::regclass AND a.attname = x.col AND NOT a.attisdropped
    LOOP
        IF NOT (CASE split_part(c.typ, '(', 1)
            WHEN 'varchar' THEN c.found IN ('character varying', 'text', 'character')
            WHEN 'text' THEN c.found IN ('character varying', 'text', 'character')
            WHEN 'timestamptz' THEN c.found IN ('timestamp without time zone', 'timestamp with time zone')
            WHEN 'bigint' THEN c.found IN ('bigint', 'integer', 'smallint')
            WHEN 'integer' THEN c.found IN ('integer', 'smallint')
            ELSE c.found = c.typ
        END) THEN
            problems := problems || format('column %s.%s is of type %s; it has to be %s', c.tab, c.col, c.found, c.typ);
        ELSIF c.typ LIKE 'varchar%' THEN
            EXECUTE format('SELECT count(*) FROM public.%I WHERE length(%I) > %s', c.tab, c.col, substring(c.typ FROM '\d+'))
                INTO bad;
            IF bad > 0 THEN
                problems := problems || format('%s value(s) of %s.%s are longer than %s allows', bad, c.tab, c.col, c.typ);
            END IF;
        END IF;
    END LOOP;
    IF problems <> '{}' THEN
        RAISE 'types' USING ERRCODE = 'HB001', DETAIL = array_to_string(problems, E'\n');
    END IF;

    -- Keys that are not unique. Receipts and memberships that lack a part are not counted: they are set aside below.
    FOR c IN SELECT k.tab, k.kind, k.cols, array_to_string(ARRAY(SELECT quote_ident(x) FROM unnest(k.cols) AS x), ', ') AS list
        FROM adopt_keys AS k
        WHERE (SELECT count(*) FROM pg_attribute AS a WHERE a.attrelid = ('public.' || k.tab)::regclass
            AND a.attname = ANY (k.cols) AND NOT a.attisdropped) = cardinality(k.cols)
    LOOP
        EXECUTE format(
            'SELECT count(*), string_agg(what, ''; '') FILTER (WHERE n <= 5) FROM (SELECT format(''(%%s) %%s times'','
            ' concat_ws('', '', %1$s), count(*)) AS what, row_number() OVER () AS n FROM public.%2$I'
            ' WHERE num_nulls(%1$s) = 0 GROUP BY %1$s HAVING count(*) > 1) AS d', c.list, c.tab) INTO bad, found;
        IF bad > 0 THEN
            problems := problems || format('%s value(s) of %s (%s) are there more than once: %s%s', bad, c.tab,
                array_to_string(c.cols, ', '), found, CASE WHEN bad > 5 THEN '; …' ELSE '' END);
        END IF;
        IF c.kind = 'p' THEN
            EXECUTE format('SELECT count(*) FROM public.%I WHERE %s IS NULL', c.tab, c.list) INTO bad;
            IF bad > 0 THEN
                problems := problems || format('%s row(s) of %s have no %s', bad, c.tab, c.list);
            END IF;
        END IF;
    END LOOP;
    SELECT count(*) INTO bad FROM public.users WHERE username IS NULL;
    IF bad > 0 THEN
        problems := problems || format('%s user(s) have no username', bad);
    END IF;
    SELECT count(*) INTO bad FROM public.rooms WHERE room_name IS NULL;
    IF bad > 0 THEN
        problems := problems || format('%s room(s) have no room_name', bad);
    END IF;
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'public.users'::regclass AND attname = 'role' AND NOT attisdropped) THEN
        EXECUTE $q$ SELECT count(*), string_agg(DISTINCT role, ', ') FROM public.users
            WHERE role NOT IN ('user', 'admin', 'guest') $q$ INTO bad, found;
        IF bad > 0 THEN
            problems := problems || format('%s user(s) have a role that is not user, admin or guest: %s', bad, found);
        END IF;
    END IF;

    -- Columns that Hubbub could not fill, and views that would keep columns from changing.
    FOR found IN
        SELECT format('column %s.%s is NOT NULL without a default, and Hubbub does not know what to put there', a.attrelid::regclass, a.attname)
        FROM pg_attribute AS a
        WHERE a.attrelid = ANY (ours) AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull AND NOT a.atthasdef
            AND a.attidentity = '' AND a.attname NOT IN (SELECT x.col FROM adopt_columns AS x WHERE ('public.' || x.tab)::regclass = a.attrelid)
        UNION ALL
        SELECT DISTINCT format('%s depends on %s: drop it, and create it again afterwards', v.oid::regclass, d.refobjid::regclass)
        FROM pg_depend AS d
        JOIN pg_rewrite AS w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
        JOIN pg_class AS v ON v.oid = w.ev_class
        WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY (ours || views) AND v.oid <> ALL (views || ours)
    LOOP
        problems := problems || found;
    END LOOP;
    IF problems <> '{}' THEN
        RAISE 'data' USING ERRCODE = 'HB001', DETAIL = array_to_string(problems, E'\n');
    END IF;
END
$$;

-- The older views go, by whatever kind they are; Hubbub's follow in 0002.
DO $$
DECLARE
    v record;
BEGIN
    FOR v IN SELECT c.relname, c.relkind FROM pg_class AS c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('v', 'm')
            AND c.relname IN ('messages_with_user_view', 'room_stats_view', 'active_users_view')
    LOOP
        EXECUTE format('DROP %s public.%I', CASE v.relkind WHEN 'v' THEN 'VIEW' ELSE 'MATERIALIZED VIEW' END, v.relname);
    END LOOP;
END
$$;

-- Triggers are kept still while Hubbub fills its columns: an `updated_at` says when people changed a row.
CREATE TEMPORARY TABLE adopt_triggers ON COMMIT DROP AS
SELECT t.tgrelid::regclass AS tab, t.tgname AS name, t.tgenabled AS state
FROM pg_trigger AS t JOIN (SELECT DISTINCT tab FROM adopt_columns) AS c ON t.tgrelid = ('public.' || c.tab)::regclass
WHERE NOT t.tgisinternal AND t.tgenabled <> 'D';
DO $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT * FROM adopt_triggers LOOP
        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER %I', t.tab, t.name);
    END LOOP;
END
$$;

-- The older rules and indexes go where Hubbub has its own: foreign keys between these tables, CHECKs, the named indexes.
DO $$
DECLARE
    ours constant oid[] := ARRAY(SELECT DISTINCT ('public.' || c.tab)::regclass::oid FROM adopt_columns AS c);
    r record;
BEGIN
    FOR r IN SELECT c.conrelid::regclass AS tab, c.conname FROM pg_constraint AS c
        WHERE c.conrelid = ANY (ours) AND (c.contype = 'c' OR (c.contype = 'f' AND c.confrelid = ANY (ours)))
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', r.tab, r.conname);
    END LOOP;
END
$$;
DROP INDEX IF EXISTS
    public.idx_users_username,
    public.idx_users_email,
    public.idx_users_status,
    public.idx_users_username_lower,
    public.idx_users_email_lower,
    public.idx_rooms_name,
    public.idx_rooms_client,
    public.idx_messages_room,
    public.idx_messages_user,
    public.idx_messages_change,
    public.idx_messages_reply,
    public.idx_messages_client,
    public.idx_message_reads_user,
    public.idx_message_deliveries_user,
    public.idx_room_members_user,
    public.idx_room_members_change,
    public.idx_active_sessions_socket,
    public.idx_active_sessions_user,
    public.idx_active_sessions_room,
    public.idx_active_sessions_node;

-- Every column is there, of its type, without gaps; nothing that Hubbub leaves out is demanded.
DO $$
DECLARE
    c record;
    actions text;
    filled text;
BEGIN
    FOR c IN SELECT DISTINCT x.tab FROM adopt_columns AS x LOOP
        SELECT string_agg(format('ADD COLUMN IF NOT EXISTS %I %s', x.col, x.typ), ', ') INTO actions
        FROM adopt_columns AS x WHERE x.tab = c.tab;
        EXECUTE format('ALTER TABLE public.%I %s', c.tab, actions);
        SELECT string_agg(format(
            'ALTER COLUMN %1$I DROP DEFAULT, ALTER COLUMN %1$I TYPE %2$s%3$s', x.col, x.typ,
            CASE WHEN x.required OR EXISTS (SELECT FROM adopt_keys AS k WHERE k.tab = x.tab AND k.kind = 'p' AND x.col = ANY (k.cols))
                THEN '' ELSE format(', ALTER COLUMN %I DROP NOT NULL', x.col) END), ', ') INTO actions
        FROM adopt_columns AS x WHERE x.tab = c.tab;
        EXECUTE format('ALTER TABLE public.%I %s', c.tab, actions);
        SELECT string_agg(format('%1$I = coalesce(%1$I, %2$s)', x.col, x.fallback), ', '),
            string_agg(format('%I IS NULL', x.col), ' OR ') INTO actions, filled
        FROM adopt_columns AS x WHERE x.tab = c.tab AND x.fallback <> '';
        EXECUTE format('UPDATE public.%I SET %s WHERE %s', c.tab, actions, filled);
    END LOOP;
END
$$;

-- Rows that point nowhere are set aside, whole; a message of no room finds one, an unknown author becomes none.
CREATE TABLE hubbub.adopted_orphans (
    table_name text NOT NULL,
    row_data jsonb NOT NULL
);
CREATE TEMPORARY TABLE adopt_lost ON COMMIT DROP AS
SELECT gen_random_uuid() AS room_id
WHERE EXISTS (
    SELECT FROM public.messages AS m WHERE NOT EXISTS (SELECT FROM public.rooms AS r WHERE r.room_id = m.room_id));
INSERT INTO public.rooms (room_id, room_name, description, is_private, created_at, last_seq, change_seq, message_count, member_count)
SELECT l.room_id, 'lost-and-found ' || l.room_id, 'Messages whose room was not known', true, now(), 0, 0, 0, 0
FROM adopt_lost AS l;
UPDATE public.messages AS m SET room_id = l.room_id
FROM adopt_lost AS l
WHERE NOT EXISTS (SELECT FROM public.rooms AS r WHERE r.room_id = m.room_id);
UPDATE public.messages AS m SET user_id = NULL
WHERE m.user_id IS NOT NULL AND NOT EXISTS (SELECT FROM public.users AS u WHERE u.user_id = m.user_id);
UPDATE public.rooms AS r SET created_by = NULL
WHERE r.created_by IS NOT NULL AND NOT EXISTS (SELECT FROM public.users AS u WHERE u.user_id = r.created_by);
UPDATE public.active_sessions AS s SET room_id = NULL
WHERE s.room_id IS NOT NULL AND NOT EXISTS (SELECT FROM public.rooms AS r WHERE r.room_id = s.room_id);
WITH gone AS (
    DELETE FROM public.message_reads AS x
    WHERE NOT EXISTS (SELECT FROM public.messages AS m WHERE m.message_id = x.message_id)
        OR NOT EXISTS (SELECT FROM public.users AS u WHERE u.user_id = x.user_id)
    RETURNING x.*
)
INSERT INTO hubbub.adopted_orphans SELECT 'message_reads', to_jsonb(gone) FROM gone;
WITH gone AS (
    DELETE FROM public.message_deliveries AS x
    WHERE NOT EXISTS (SELECT FROM public.messages AS m WHERE m.message_id = x.message_id)
        OR NOT EXISTS (SELECT FROM public.users AS u WHERE u.user_id = x.user_id)
    RETURNING x.*
)
INSERT INTO hubbub.adopted_orphans SELECT 'message_deliveries', to_jsonb(gone) FROM gone;
WITH gone AS (
    DELETE FROM public.room_members AS x
    WHERE NOT EXISTS (SELECT FROM public.rooms AS r WHERE r.room_id = x.room_id)
        OR NOT EXISTS (SELECT FROM public.users AS u WHERE u.user_id = x.user_id)
    RETURNING x.*
)
INSERT INTO hubbub.adopted_orphans SELECT 'room_members', to_jsonb(gone) FROM gone;
WITH gone AS (
    DELETE FROM public.active_sessions AS x
    WHERE NOT EXISTS (SELECT FROM public.users AS u WHERE u.user_id = x.user_id)
    RETURNING x.*
)
INSERT INTO hubbub.adopted_orphans SELECT 'active_sessions', to_jsonb(gone) FROM gone;

-- Each message takes its place; a deleted one loses its text. In one pass, because it rewrites the largest table.
UPDATE public.messages AS m SET
    seq = p.place, change_seq = p.place, message_text = CASE WHEN m.is_deleted THEN '' ELSE m.message_text END
FROM (
    SELECT x.message_id, row_number() OVER (PARTITION BY x.room_id ORDER BY x.created_at, x.message_id) AS place
    FROM public.messages AS x
) AS p
WHERE p.message_id = m.message_id;

-- Keys and indexes.
DO $$
DECLARE
    k record;
    there text;
BEGIN
    FOR k IN SELECT x.*, ('public.' || x.tab)::regclass AS rel FROM adopt_keys AS x LOOP
        there := NULL;
        SELECT c.conname INTO there FROM pg_constraint AS c
        WHERE c.conrelid = k.rel AND c.contype = k.kind AND NOT c.condeferrable AND k.cols = ARRAY(
            SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY AS n (num, pos)
            JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = n.num ORDER BY n.pos)
        ORDER BY c.conname = k.name DESC LIMIT 1;
        IF there IS NULL THEN
            EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s (%s)', k.rel, k.name,
                CASE k.kind WHEN 'p' THEN 'PRIMARY KEY' ELSE 'UNIQUE' END,
                array_to_string(ARRAY(SELECT quote_ident(x) FROM unnest(k.cols) AS x), ', '));
        ELSIF there <> k.name THEN
            EXECUTE format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', k.rel, there, k.name);
        END IF;
    END LOOP;
END
$$;
ALTER TABLE public.messages ADD CONSTRAINT messages_room_id_seq_key UNIQUE (room_id, seq);
CREATE INDEX idx_users_username ON public.users (username);
CREATE INDEX idx_users_email ON public.users (email);
CREATE INDEX idx_users_status ON public.users (status);
CREATE INDEX idx_users_username_lower ON public.users (lower(username));
CREATE INDEX idx_users_email_lower ON public.users (lower(email));
CREATE INDEX idx_rooms_name ON public.rooms (room_name);
CREATE UNIQUE INDEX idx_rooms_client ON public.rooms (created_by, client_id) WHERE client_id IS NOT NULL;
CREATE INDEX idx_messages_room ON public.messages (room_id, created_at DESC);
CREATE INDEX idx_messages_user ON public.messages (user_id);
CREATE INDEX idx_messages_change ON public.messages (room_id, change_seq);
CREATE INDEX idx_messages_reply ON public.messages (reply_to) WHERE reply_to IS NOT NULL;
CREATE UNIQUE INDEX idx_messages_client ON public.messages (user_id, client_id) WHERE client_id IS NOT NULL;
CREATE INDEX idx_message_reads_user ON public.message_reads (user_id);
CREATE INDEX idx_message_deliveries_user ON public.message_deliveries (user_id);
CREATE INDEX idx_room_members_user ON public.room_members (user_id) WHERE is_active;
CREATE INDEX idx_room_members_change ON public.room_members (room_id, change_seq);
CREATE INDEX idx_active_sessions_socket ON public.active_sessions (socket_id);
CREATE INDEX idx_active_sessions_user ON public.active_sessions (user_id);
CREATE INDEX idx_active_sessions_room ON public.active_sessions (room_id);
CREATE INDEX idx_active_sessions_node ON public.active_sessions (node_id);
ANALYZE public.messages, public.message_reads, public.message_deliveries, public.room_members;

-- Authors become members; readers who were none are noted as former members, so that their receipts count.
INSERT INTO public.room_members
    (member_id, room_id, user_id, joined_at, left_at, is_active, from_seq, delivered_seq, read_seq, change_seq)
SELECT gen_random_uuid(), m.room_id, m.user_id, min(m.created_at), NULL, true, 0, 0, 0, 0
FROM public.messages AS m
WHERE m.user_id IS NOT NULL AND m.room_id NOT IN (SELECT l.room_id FROM adopt_lost AS l)
GROUP BY m.room_id, m.user_id
ON CONFLICT (room_id, user_id) DO NOTHING;
INSERT INTO public.room_members
    (member_id, room_id, user_id, joined_at, left_at, is_active, from_seq, delivered_seq, read_seq, change_seq)
SELECT gen_random_uuid(), m.room_id, x.user_id, min(x.at), max(x.at), false, 0, 0, 0, 0
FROM (
    SELECT d.message_id, d.user_id, d.delivered_at AS at FROM public.message_deliveries AS d
    UNION ALL SELECT d.message_id, d.user_id, d.read_at FROM public.message_reads AS d
) AS x JOIN public.messages AS m ON m.message_id = x.message_id
GROUP BY m.room_id, x.user_id
ON CONFLICT (room_id, user_id) DO NOTHING;

-- Counters: the messages have the numbers 1 to n, the memberships those after.
UPDATE public.rooms AS r SET
    last_seq = coalesce(m.places, 0), message_count = coalesce(m.live, 0), last_message_at = m.latest
FROM public.rooms AS x LEFT JOIN (
    SELECT y.room_id, count(*) AS places, count(*) FILTER (WHERE NOT y.is_deleted) AS live, max(y.created_at) AS latest
    FROM public.messages AS y GROUP BY y.room_id
) AS m ON m.room_id = x.room_id
WHERE x.room_id = r.room_id;

-- Watermarks: a member has read up to the latest message with a receipt of theirs; before their first receipt nothing
-- is claimed. Without a receipt, reading begins where they joined.
WITH receipts AS (
    SELECT m.room_id, d.user_id, m.seq, false AS is_read
    FROM public.message_deliveries AS d JOIN public.messages AS m ON m.message_id = d.message_id
    UNION ALL
    SELECT m.room_id, d.user_id, m.seq, true
    FROM public.message_reads AS d JOIN public.messages AS m ON m.message_id = d.message_id
), marks AS (
    SELECT x.room_id, x.user_id, min(x.seq) - 1 AS low, max(x.seq) AS delivered, max(x.seq) FILTER (WHERE x.is_read) AS read
    FROM receipts AS x GROUP BY x.room_id, x.user_id
), places AS (
    SELECT x.member_id, row_number() OVER (PARTITION BY x.room_id ORDER BY x.joined_at, x.member_id) AS place,
        coalesce(k.low, (
            SELECT m.seq FROM public.messages AS m WHERE m.room_id = x.room_id AND m.created_at <= x.joined_at
            ORDER BY m.created_at DESC, m.seq DESC LIMIT 1), 0) AS low,
        k.delivered, k.read
    FROM public.room_members AS x LEFT JOIN marks AS k ON k.room_id = x.room_id AND k.user_id = x.user_id
)
UPDATE public.room_members AS x SET
    change_seq = r.last_seq + p.place,
    from_seq = p.low,
    read_seq = coalesce(p.read, p.low),
    delivered_seq = coalesce(p.delivered, p.low)
FROM places AS p, public.rooms AS r
WHERE p.member_id = x.member_id AND r.room_id = x.room_id;
UPDATE public.rooms AS r SET last_seq = r.last_seq + m.places, member_count = m.active
FROM (
    SELECT x.room_id, count(*) AS places, count(*) FILTER (WHERE x.is_active) AS active
    FROM public.room_members AS x GROUP BY x.room_id
) AS m
WHERE m.room_id = r.room_id;

-- Rows between the receipts, in the rooms that have rows (up to 100 members). Their time is that of the reader's latest.
WITH latest AS (
    SELECT m.room_id, d.user_id, max(d.delivered_at) AS at
    FROM public.message_deliveries AS d JOIN public.messages AS m ON m.message_id = d.message_id GROUP BY 1, 2
)
INSERT INTO public.message_deliveries (delivery_id, message_id, user_id, delivered_at)
SELECT gen_random_uuid(), m.message_id, x.user_id, coalesce(l.at, now())
FROM public.rooms AS r
JOIN public.room_members AS x ON x.room_id = r.room_id
JOIN public.messages AS m ON m.room_id = x.room_id AND m.seq > x.from_seq AND m.seq <= x.delivered_seq
LEFT JOIN latest AS l ON l.room_id = x.room_id AND l.user_id = x.user_id
WHERE r.member_count <= 100 AND m.user_id IS DISTINCT FROM x.user_id
ON CONFLICT (message_id, user_id) DO NOTHING;
WITH latest AS (
    SELECT m.room_id, d.user_id, max(d.read_at) AS at
    FROM public.message_reads AS d JOIN public.messages AS m ON m.message_id = d.message_id GROUP BY 1, 2
)
INSERT INTO public.message_reads (read_id, message_id, user_id, read_at)
SELECT gen_random_uuid(), m.message_id, x.user_id, coalesce(l.at, now())
FROM public.rooms AS r
JOIN public.room_members AS x ON x.room_id = r.room_id
JOIN public.messages AS m ON m.room_id = x.room_id AND m.seq > x.from_seq AND m.seq <= x.read_seq
LEFT JOIN latest AS l ON l.room_id = x.room_id AND l.user_id = x.user_id
WHERE r.member_count <= 100 AND m.user_id IS DISTINCT FROM x.user_id
ON CONFLICT (message_id, user_id) DO NOTHING;

-- The rest of the rules: what must be there, defaults, checks, space for the rows that change often.
DO $$
DECLARE
    c record;
    actions text;
BEGIN
    FOR c IN SELECT DISTINCT x.tab FROM adopt_columns AS x LOOP
        SELECT string_agg(concat_ws(', ',
            CASE WHEN x.required THEN format('ALTER COLUMN %I SET NOT NULL', x.col) END,
            CASE WHEN x.def <> '' THEN format('ALTER COLUMN %I SET DEFAULT %s', x.col, x.def) END), ', ') INTO actions
        FROM adopt_columns AS x WHERE x.tab = c.tab AND (x.required OR x.def <> '');
        EXECUTE format('ALTER TABLE public.%I %s', c.tab, actions);
    END LOOP;
END
$$;
ALTER TABLE public.users
    ADD CONSTRAINT users_role_check CHECK (role = 'user' OR role = 'admin' OR role = 'guest');
ALTER TABLE public.rooms
    ADD CONSTRAINT rooms_change_seq_check CHECK (change_seq >= 0 AND change_seq <= last_seq),
    ADD CONSTRAINT rooms_counters_check CHECK (message_count >= 0 AND member_count >= 0),
    SET (fillfactor = 70);
ALTER TABLE public.messages
    ADD CONSTRAINT messages_change_seq_check CHECK (seq >= 0 AND change_seq >= seq);
ALTER TABLE public.room_members
    ADD CONSTRAINT room_members_watermarks_check CHECK (from_seq >= 0 AND from_seq <= read_seq AND read_seq <= delivered_seq AND change_seq >= 0),
    SET (fillfactor = 80);

-- The foreign keys, in the order in which a deletion is to follow them: see "Who waits for whom" below.
ALTER TABLE public.active_sessions
    ADD CONSTRAINT active_sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users ON DELETE CASCADE,
    ADD CONSTRAINT active_sessions_room_id_fkey FOREIGN KEY (room_id) REFERENCES public.rooms ON DELETE SET NULL;
ALTER TABLE public.message_deliveries
    ADD CONSTRAINT message_deliveries_message_id_fkey FOREIGN KEY (message_id) REFERENCES public.messages ON DELETE CASCADE,
    ADD CONSTRAINT message_deliveries_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users ON DELETE CASCADE;
ALTER TABLE public.message_reads
    ADD CONSTRAINT message_reads_message_id_fkey FOREIGN KEY (message_id) REFERENCES public.messages ON DELETE CASCADE,
    ADD CONSTRAINT message_reads_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users ON DELETE CASCADE;
ALTER TABLE public.messages
    ADD CONSTRAINT messages_reply_to_fkey FOREIGN KEY (reply_to) REFERENCES public.messages ON DELETE SET NULL,
    ADD CONSTRAINT messages_room_id_fkey FOREIGN KEY (room_id) REFERENCES public.rooms ON DELETE CASCADE,
    ADD CONSTRAINT messages_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users ON DELETE SET NULL;
ALTER TABLE public.room_members
    ADD CONSTRAINT room_members_room_id_fkey FOREIGN KEY (room_id) REFERENCES public.rooms ON DELETE CASCADE,
    ADD CONSTRAINT room_members_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users ON DELETE CASCADE;
ALTER TABLE public.rooms
    ADD CONSTRAINT rooms_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.users ON DELETE SET NULL;

-- What was kept still moves again; what was not needed goes.
DO $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT * FROM adopt_triggers LOOP
        EXECUTE format('ALTER TABLE %s ENABLE %s TRIGGER %I', t.tab,
            CASE t.state WHEN 'A' THEN 'ALWAYS' WHEN 'R' THEN 'REPLICA' ELSE '' END, t.name);
    END LOOP;
    IF NOT EXISTS (SELECT FROM hubbub.adopted_orphans) THEN
        DROP TABLE hubbub.adopted_orphans;
    END IF;
END
$$;
DROP TABLE adopt_columns, adopt_keys, adopt_triggers, adopt_lost;
