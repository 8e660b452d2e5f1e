-- Hubbub 0.1.0, schema 0010, commit 57aa737c4645494fb18b4b09206ee24840523b7f
--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: hubbub; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA hubbub;


--
-- Name: append_messages(uuid[], uuid[], uuid[], text[], text[], uuid[]); Type: FUNCTION; Schema: hubbub; Owner: -
--

CREATE FUNCTION hubbub.append_messages(ids uuid[], users uuid[], rooms uuid[], texts text[], client_ids text[], reply_tos uuid[]) RETURNS TABLE(ord integer, outcome text, message_id uuid, seq bigint, change_seq bigint, created_at timestamp with time zone)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    AS $$
#variable_conflict use_column
DECLARE
    places bigint[]; -- for each send, if all are stored: its seq
    times timestamptz[]; -- and its created_at
    is_twice boolean := false; -- an id, or a client id of one person, stands in the batch twice
BEGIN
    PERFORM hubbub.by_server();
    PERFORM FROM public.users AS u WHERE u.user_id = ANY (users) ORDER BY u.user_id FOR KEY SHARE;
    IF array_remove(reply_tos, NULL) <> '{}' THEN
        PERFORM FROM public.messages AS m WHERE m.message_id = ANY (reply_tos) ORDER BY m.message_id FOR KEY SHARE;
    END IF;
    SELECT array_agg(p.base + p.place ORDER BY p.ord),
        array_agg(p.start + (p.place - 1) * interval '1 microsecond' ORDER BY p.ord)
    INTO places, times
    FROM (
        SELECT g.ord, r.last_seq AS base, row_number() OVER here AS place,
            first_value(hubbub.next_time(r.last_message_at)) OVER here AS start
        FROM unnest(rooms) WITH ORDINALITY AS g (room_id, ord)
        JOIN (
            SELECT r.room_id, r.last_seq, r.last_message_at, r.deleted_at FROM public.rooms AS r
            WHERE r.room_id = ANY (rooms) ORDER BY r.room_id FOR NO KEY UPDATE
        ) AS r ON r.room_id = g.room_id AND r.deleted_at IS NULL
        WINDOW here AS (PARTITION BY g.room_id ORDER BY g.ord)
    ) AS p;
    -- From here on nobody else can change these rooms; the statements below see all that was committed before.

    IF cardinality(ids) > 1 THEN
        is_twice := (SELECT count(DISTINCT g.id) < count(g.id) FROM unnest(ids) AS g (id)) OR EXISTS (
            SELECT FROM unnest(users, client_ids) AS g (user_id, client_id) WHERE g.client_id IS NOT NULL
            GROUP BY g.user_id, g.client_id HAVING count(*) > 1);
    END IF;
    IF array_position(ids, NULL) IS NOT NULL THEN
        ids := ARRAY(SELECT coalesce(g.id, hubbub.new_id()) FROM unnest(ids) WITH ORDINALITY AS g (id, ord) ORDER BY g.ord);
    END IF;
    IF NOT is_twice AND cardinality(places) = cardinality(ids)
        AND NOT EXISTS (SELECT FROM public.messages AS m WHERE m.message_id = ANY (ids))
        AND NOT EXISTS (
            SELECT FROM public.users AS u
            WHERE u.user_id = ANY (users) AND (u.deleted_at IS NOT NULL OR u.disabled_at IS NOT NULL))
        AND NOT EXISTS (
            SELECT FROM unnest(users, rooms, client_ids, reply_tos) AS g (user_id, room_id, client_id, reply_to)
            WHERE (
                SELECT x.user_id = g.user_id AND x.is_active FROM public.room_members AS x
                WHERE x.room_id = g.room_id AND x.user_id >= g.user_id ORDER BY x.user_id LIMIT 1) IS NOT TRUE
            OR g.client_id = (
                SELECT m.client_id FROM public.messages AS m
                WHERE m.user_id = g.user_id AND m.client_id >= g.client_id ORDER BY m.client_id LIMIT 1)
            OR g.reply_to IS NOT NULL AND g.room_id IS DISTINCT FROM (
                SELECT m.room_id FROM public.messages AS m WHERE m.message_id = g.reply_to))
    THEN
        UPDATE public.rooms AS r SET
            last_seq = c.latest_seq,
            message_count = r.message_count + c.messages,
            last_message_at = greatest(r.last_message_at, c.latest_at)
        FROM (
            SELECT g.room_id, count(*) AS messages, max(g.seq) AS latest_seq, max(g.at) AS latest_at
            FROM unnest(rooms, places, times) AS g (room_id, seq, at) GROUP BY g.room_id
        ) AS c
        WHERE r.room_id = c.room_id AND r.room_id = ANY (rooms);
        INSERT INTO public.messages
            (message_id, user_id, room_id, message_text, created_at, seq, change_seq, client_id, client_hash, reply_to)
        SELECT g.id, g.user_id, g.room_id, g.text, g.at, g.seq, g.seq, g.client_id,
            CASE WHEN g.client_id IS NOT NULL THEN sha256(convert_to(g.text, 'UTF8')) END, g.reply_to
        FROM unnest(ids, users, rooms, texts, client_ids, reply_tos, places, times)
            AS g (id, user_id, room_id, text, client_id, reply_to, seq, at);
        RETURN QUERY
        SELECT g.ord::integer, 'stored', g.id, g.seq, g.seq, g.at
        FROM unnest(ids, places, times) WITH ORDINALITY AS g (id, seq, at, ord);
        RETURN;
    END IF;

    RETURN QUERY
    WITH given AS MATERIALIZED (
        SELECT g.ord::integer, g.id, g.user_id, g.room_id, g.text, g.client_id, g.reply_to,
            CASE WHEN g.client_id IS NOT NULL THEN sha256(convert_to(g.text, 'UTF8')) END AS hash
        FROM unnest(ids, users, rooms, texts, client_ids, reply_tos)
            WITH ORDINALITY AS g (id, user_id, room_id, text, client_id, reply_to, ord)
    ), judged AS MATERIALIZED (
        SELECT g.*, f.message_id AS first_id, f.seq AS first_seq, f.change_seq AS first_change, f.created_at AS first_at,
            CASE
                WHEN f.message_id IS NOT NULL THEN CASE
                    WHEN f.user_id IS NOT DISTINCT FROM g.user_id AND f.room_id = g.room_id
                        AND (f.client_hash IS NULL OR g.hash IS NULL OR f.client_hash = g.hash)
                    THEN 'duplicate' ELSE 'conflict' END
                WHEN (
                    SELECT x.user_id = g.user_id AND x.is_active FROM public.room_members AS x
                    WHERE x.room_id = g.room_id AND x.user_id >= g.user_id ORDER BY x.user_id LIMIT 1
                ) IS NOT TRUE OR (
                    SELECT r.deleted_at IS NULL FROM public.rooms AS r WHERE r.room_id = g.room_id
                ) IS NOT TRUE OR (
                    SELECT u.deleted_at IS NULL AND u.disabled_at IS NULL FROM public.users AS u WHERE u.user_id = g.user_id
                ) IS NOT TRUE THEN 'not_found'
                WHEN g.reply_to IS NOT NULL AND g.room_id IS DISTINCT FROM (
                    SELECT m.room_id FROM public.messages AS m WHERE m.message_id = g.reply_to
                ) THEN 'bad_reply'
            END AS verdict
        FROM given AS g
        LEFT JOIN LATERAL (
            SELECT m.* FROM public.messages AS m WHERE m.message_id = g.id
            UNION ALL
            SELECT m.* FROM (
                SELECT m.* FROM public.messages AS m
                WHERE m.user_id = g.user_id AND m.client_id >= g.client_id ORDER BY m.client_id LIMIT 1
            ) AS m WHERE m.client_id = g.client_id
            LIMIT 1
        ) AS f ON true
    ), ranked AS (
        SELECT j.*,
            first_value(j.ord) OVER (PARTITION BY j.verdict IS NULL, j.id ORDER BY j.ord) AS same_id,
            CASE WHEN j.client_id IS NOT NULL THEN first_value(j.ord) OVER (
                PARTITION BY j.verdict IS NULL, j.user_id, j.client_id ORDER BY j.ord) ELSE j.ord END AS same_client
        FROM judged AS j
    ), fresh AS MATERIALIZED (
        SELECT k.*, row_number() OVER (PARTITION BY k.room_id ORDER BY k.ord) AS place
        FROM ranked AS k WHERE k.verdict IS NULL AND k.same_id = k.ord AND k.same_client = k.ord
    ), stage AS MATERIALIZED (
        SELECT r.room_id, r.last_seq AS base, hubbub.next_time(r.last_message_at) AS start, c.places
        FROM (SELECT n.room_id, max(n.place) AS places FROM fresh AS n GROUP BY n.room_id) AS c
        JOIN public.rooms AS r ON r.room_id = c.room_id AND r.room_id = ANY (rooms)
    ), placed AS MATERIALIZED (
        SELECT n.*, s.base + n.place AS new_seq, s.start + (n.place - 1) * interval '1 microsecond' AS new_at
        FROM fresh AS n JOIN stage AS s ON s.room_id = n.room_id
    ), counted AS (
        UPDATE public.rooms AS r SET
            last_seq = s.base + s.places,
            message_count = r.message_count + s.places,
            last_message_at = greatest(r.last_message_at, s.start + (s.places - 1) * interval '1 microsecond')
        FROM stage AS s WHERE r.room_id = s.room_id AND r.room_id = ANY (rooms)
    ), inserted AS (
        INSERT INTO public.messages
            (message_id, user_id, room_id, message_text, created_at, seq, change_seq, client_id, client_hash, reply_to)
        SELECT p.id, p.user_id, p.room_id, p.text, p.new_at, p.new_seq, p.new_seq, p.client_id, p.hash, p.reply_to
        FROM placed AS p ORDER BY p.ord
    )
    SELECT k.ord,
        CASE
            WHEN k.verdict IS NOT NULL THEN k.verdict
            WHEN p.ord = k.ord THEN 'stored'
            WHEN p.user_id = k.user_id AND p.room_id = k.room_id AND p.hash IS NOT DISTINCT FROM k.hash THEN 'duplicate'
            ELSE 'conflict'
        END,
        coalesce(k.first_id, p.id), coalesce(k.first_seq, p.new_seq), coalesce(k.first_change, p.new_seq),
        coalesce(k.first_at, p.new_at)
    FROM ranked AS k
    LEFT JOIN placed AS p ON k.verdict IS NULL AND p.ord = least(k.same_id, k.same_client)
    ORDER BY k.ord;
END
$$;


--
-- Name: by_server(); Type: FUNCTION; Schema: hubbub; Owner: -
--

CREATE FUNCTION hubbub.by_server() RETURNS boolean
    LANGUAGE sql
    AS $$
    SELECT set_config('hubbub.writer', 'server', true) = 'server'
$$;


--
-- Name: change_member(); Type: FUNCTION; Schema: hubbub; Owner: -
--

CREATE FUNCTION hubbub.change_member() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public'
    AS $$
BEGIN
    UPDATE public.rooms AS r SET
        last_seq = r.last_seq + 1,
        member_count = r.member_count + new.is_active::integer - old.is_active::integer
    WHERE r.room_id = old.room_id
    RETURNING r.last_seq INTO new.change_seq;
    IF new.is_active THEN
        new.left_at := NULL;
        IF old.change_seq = 0 THEN
            new.from_seq := new.change_seq;
            new.read_seq := new.change_seq;
            new.delivered_seq := new.change_seq;
        END IF;
        PERFORM hubbub.tell_coming(new.room_id, new.user_id, new.change_seq);
    ELSIF new.left_at IS NULL THEN
        new.left_at := clock_timestamp();
    END IF;
    RETURN new;
END
$$;


--
-- Name: change_message(); Type: FUNCTION; Schema: hubbub; Owner: -
--

CREATE FUNCTION hubbub.change_message() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public'
    AS $$
BEGIN
    IF new.is_deleted THEN
        new.message_text := '';
        new.client_hash := NULL;
        IF old.is_deleted THEN
            RETURN new;
        END IF;
        DELETE FROM hubbub.message_edits AS e WHERE e.message_id = old.message_id;
    ELSIF NOT old.is_deleted THEN
        INSERT INTO hubbub.message_edits (message_id, edit_no, message_text, edited_by)
        SELECT old.message_id, coalesce(max(e.edit_no), 0) + 1, old.message_text,
            nullif(current_setting('hubbub.actor', true), '')::uuid
        FROM hubbub.message_edits AS e WHERE e.message_id = old.message_id;
        IF new.edited_at IS NOT DISTINCT FROM old.edited_at THEN
            new.edited_at := clock_timestamp();
        END IF;
    END IF;
    UPDATE public.rooms AS r SET
        last_seq = r.last_seq + 1,
        message_count = r.message_count + old.is_deleted::integer - new.is_deleted::integer
    WHERE r.room_id = old.room_id
    RETURNING r.last_seq INTO new.change_seq;
    RETURN new;
END
$$;


--
-- Name: change_room(); Type: FUNCTION; Schema: hubbub; Owner: -
--

CREATE FUNCTION hubbub.change_room() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public'
    AS $$
BEGIN
    new.last_seq := old.last_seq + 1;
    new.change_seq := new.last_seq;
    RETURN new;
END
$$;


--
-- Name: erase_messages(uuid, integer); Type: FUNCTION; Schema: hubbub; Owner: -
--

CREATE FUNCTION hubbub.erase_messages(person uuid, most integer) RETURNS TABLE(message_id uuid, room_id uuid)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public'
    AS $$
#variable_conflict use_column
DECLARE
    chosen uuid[];
BEGIN
    PERFORM hubbub.by_server();
    chosen := ARRAY(
        SELECT m.message_id FROM public.messages AS m WHERE m.user_id = person ORDER BY m.message_id LIMIT most FOR NO KEY UPDATE);
    PERFORM FROM public.rooms AS r WHERE r.room_id IN (
        SELECT m.room_id FROM public.messages AS m WHERE m.message_id = ANY (chosen)
    ) ORDER BY r.room_id FOR NO KEY UPDATE;
    RETURN QUERY
    UPDATE public.messages AS m SET is_deleted = true, message_text = '', user_id = NULL
    WHERE m.message_id = ANY (chosen)
    RETURNING m.message_id, m.room_id;
END
$$;


--
-- Name: fill_receipts(uuid, uuid, bigint, bigint, bigint, bigint); Type: FUNCTION; Schema: hubbub; Owner: -
--

CREATE FUNCTION hubbub.fill_receipts(room uuid, person uuid, delivered_from bigint, delivered_to bigint, read_from bigint, read_to bigint) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'public'
    AS $$
    INSERT INTO public.message_deliveries (message_id, user_id)
    SELECT m.message_id, person FROM public.messages AS m
    WHERE m.room_id = room AND m.seq > delivered_from AND m.seq <= delivered_to AND m.user_id IS DISTINCT FROM person
    ORDER BY m.seq FOR KEY SHARE
    ON CONFLICT (message_id, user_id) DO NOTHING;
    INSERT INTO public.message_reads (message_id, user_id)
    SELECT m.message_id, person FROM public.messages AS m
    WHERE m.room_id = room AND m.seq > read_from AND m.seq <= read_to AND m.user_id IS DISTINCT FROM person
    ORDER BY m.seq FOR KEY SHARE
    ON CONFLICT (message_id, user_id) DO NOTHING;
$$;


--
-- Name: forget_members(); Type: FUNCTION; Schema: hubbub; Owner: -
--

CREATE FUNCTION hubbub.forget_members() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public'
    AS $$
BEGIN
    PERFORM FROM public.rooms AS r WHERE r.room_id IN (SELECT g.room_id FROM gone AS g)
    ORDER BY r.room_id FOR NO KEY UPDATE;
    UPDATE public.rooms AS r SET
        last_seq = r.last_seq + 1,
        change_seq = r.last_seq + 1,
        member_count = r.member_count - g.active
    FROM (SELECT x.room_id, count(*) FILTER (WHERE x.is_active) AS active FROM gone AS x GROUP BY x.room_id) AS g
    WHERE r.room_id = g.room_id;
    RETURN NULL;
END
$$;


--
-- Name: forget_messages(); Type: FUNCTION; Schema: hubbub; Owner: -
--

CREATE FUNCTION hubbub.forget_messages() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public'
    AS $$
BEGIN
    PERFORM FROM public.rooms AS r WHERE r.room_id IN (SELECT g.room_id FROM gone AS g)
    ORDER BY r.room_id FOR NO KEY UPDATE;
    UPDATE public.rooms AS r SET
        last_seq = r.last_seq + 1,
        change_seq = r.last_seq + 1,
        message_count = r.message_count - g.live,
        last_message_at = (
            SELECT m.created_at FROM public.messages AS m WHERE m.room_id = r.room_id ORDER BY m.created_at DESC LIMIT 1)
    FROM (SELECT x.room_id, count(*) FILTER (WHERE NOT x.is_deleted) AS live FROM gone AS x GROUP BY x.room_id) AS g
    WHERE r.room_id = g.room_id;
    RETURN NULL;
END
$$;


--
-- Name: leave_all_rooms(uuid); Type: FUNCTION; Schema: hubbub; Owner: -
--

CREATE FUNCTION hubbub.leave_all_rooms(person uuid) RETURNS TABLE(room_id uuid, change_seq bigint)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public'
    AS $$
#variable_conflict use_column
DECLARE
    chosen uuid[]; -- these and no others: one that begins meanwhile would not have its room locked in order
BEGIN
    PERFORM hubbub.by_server();
    chosen := ARRAY(
        SELECT x.member_id FROM public.room_members AS x WHERE x.user_id = person AND x.is_active
        ORDER BY x.room_id FOR NO KEY UPDATE);
    PERFORM FROM public.rooms AS r WHERE r.room_id IN (
        SELECT x.room_id FROM public.room_members AS x WHERE x.member_id = ANY (chosen)
    ) ORDER BY r.room_id FOR NO KEY UPDATE;
    RETURN QUERY
    UPDATE public.room_members AS x SET is_active = false, left_at = now()
    WHERE x.member_id = ANY (chosen)
    RETURNING x.room_id, x.change_seq;
END
$$;


--
-- Name: lock_reader(); Type: FUNCTION; Schema: hubbub; Owner: -
--

CREATE FUNCTION hubbub.lock_reader() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public'
    AS $$
DECLARE
    room uuid;
BEGIN
    PERFORM FROM public.users AS u WHERE u.user_id = new.user_id FOR KEY SHARE;
    SELECT m.room_id INTO room FROM public.messages AS m WHERE m.message_id = new.message_id FOR KEY SHARE;
    PERFORM FROM public.room_members AS x WHERE x.room_id = room AND x.user_id = new.user_id FOR NO KEY UPDATE;
    RETURN new;
END
$$;


--
-- Name: new_id(); Type: FUNCTION; Schema: hubbub; Owner: -
--

CREATE FUNCTION hubbub.new_id() RETURNS uuid
    LANGUAGE sql PARALLEL SAFE
    AS $$
    SELECT encode(
        set_bit(set_bit(overlay(
            uuid_send(gen_random_uuid())
            PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
            FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
$$;


--
-- Name: next_time(timestamp with time zone); Type: FUNCTION; Schema: hubbub; Owner: -
--

CREATE FUNCTION hubbub.next_time(latest timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE sql
    AS $$
    SELECT CASE
        WHEN latest >= clock_timestamp() AND latest < clock_timestamp() + interval '1 minute'
        THEN latest + interval '1 microsecond'
        ELSE clock_timestamp()
    END
$$;


--
-- Name: place_member(); Type: FUNCTION; Schema: hubbub; Owner: -
--

CREATE FUNCTION hubbub.place_member() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public'
    AS $$
DECLARE
    counter bigint;
BEGIN
    PERFORM FROM public.users AS u WHERE u.user_id = new.user_id FOR KEY SHARE;
    PERFORM FROM public.room_members AS x WHERE x.room_id = new.room_id AND x.user_id = new.user_id FOR NO KEY UPDATE;
    IF FOUND THEN
        RETURN new;
    END IF;
    SELECT r.last_seq INTO counter FROM public.rooms AS r WHERE r.room_id = new.room_id FOR NO KEY UPDATE;
    IF NOT FOUND OR EXISTS (
        SELECT FROM public.room_members AS x WHERE x.room_id = new.room_id AND x.user_id = new.user_id
    ) THEN
        RETURN new;
    END IF;
    counter := counter + 1;
    UPDATE public.rooms AS r SET last_seq = counter, member_count = r.member_count + 1 WHERE r.room_id = new.room_id;
    new.change_seq := counter;
    new.from_seq := counter;
    new.read_seq := counter;
    new.delivered_seq := counter;
    PERFORM hubbub.tell_coming(new.room_id, new.user_id, counter);
    RETURN new;
END
$$;


--
-- Name: place_message(); Type: FUNCTION; Schema: hubbub; Owner: -
--

CREATE FUNCTION hubbub.place_message() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public'
    AS $$
DECLARE
    room public.rooms;
BEGIN
    PERFORM FROM public.users AS u WHERE u.user_id = new.user_id FOR KEY SHARE;
    PERFORM FROM public.messages AS m WHERE m.message_id = new.reply_to FOR KEY SHARE;
    SELECT r.* INTO room FROM public.rooms AS r WHERE r.room_id = new.room_id FOR NO KEY UPDATE;
    new.created_at := coalesce(new.created_at, hubbub.next_time(room.last_message_at));
    IF room.room_id IS NULL OR EXISTS (SELECT FROM public.messages AS m WHERE m.message_id = new.message_id)
        OR EXISTS (SELECT FROM public.messages AS m WHERE m.user_id = new.user_id AND m.client_id = new.client_id)
    THEN
        new.seq := 0;
        new.change_seq := 0;
        RETURN new; -- never stored: the conflict, or the foreign key, is reported now
    END IF;
    IF new.reply_to IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.messages AS m WHERE m.message_id = new.reply_to AND m.room_id = new.room_id
    ) THEN
        RAISE foreign_key_violation USING
            MESSAGE = 'a reply must be to a message of the same room', CONSTRAINT = 'messages_reply_to_fkey',
            TABLE = 'messages', SCHEMA = 'public';
    END IF;
    IF new.is_deleted THEN
        new.message_text := '';
    END IF;
    new.seq := room.last_seq + 1;
    new.change_seq := new.seq;
    UPDATE public.rooms AS r SET
        last_seq = new.seq,
        message_count = r.message_count + (NOT new.is_deleted)::integer,
        last_message_at = greatest(r.last_message_at, new.created_at)
    WHERE r.room_id = new.room_id;
    RETURN new;
END
$$;


--
-- Name: post_message(text, text, text, text); Type: FUNCTION; Schema: hubbub; Owner: -
--

CREATE FUNCTION hubbub.post_message(room text, author text, message text, client_id text DEFAULT NULL::text) RETURNS TABLE(message_id uuid, seq bigint, created_at timestamp with time zone, duplicate boolean)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $_$
#variable_conflict use_column
DECLARE
    is_id constant text := '^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$';
    most constant integer := (SELECT k.value::integer FROM hubbub.meta AS k WHERE k.key = 'max_message_bytes');
    room_id uuid;
    user_id uuid;
    stored record;
BEGIN
    IF octet_length(convert_to(message, 'UTF8')) > most THEN
        RAISE string_data_right_truncation USING
            MESSAGE = format('a message may have at most %s bytes of UTF-8', most);
    ELSIF message IS NULL OR btrim(message, E' \t\n\x0b\f\r\x1c\x1d\x1e\x1f\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004'
        '\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000') = '' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'the text is empty';
    ELSIF client_id !~ '^[!-~]{1,64}$' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'a client id has 1 to 64 printable ASCII characters';
    END IF;
    IF room ~ is_id THEN
        room_id := (SELECT r.room_id FROM public.rooms AS r WHERE r.room_id = post_message.room::uuid);
    END IF;
    IF author ~ is_id THEN
        user_id := (SELECT u.user_id FROM public.users AS u WHERE u.user_id = post_message.author::uuid);
    END IF;
    room_id := coalesce(room_id, (SELECT r.room_id FROM public.rooms AS r WHERE r.room_name = post_message.room));
    user_id := coalesce(user_id, (SELECT u.user_id FROM public.users AS u WHERE u.username = post_message.author));
    SELECT a.* INTO stored FROM hubbub.append_messages(
        ARRAY[NULL::uuid], ARRAY[user_id], ARRAY[room_id], ARRAY[post_message.message], ARRAY[post_message.client_id],
        ARRAY[NULL::uuid]) AS a;
    PERFORM set_config('hubbub.writer', '', true);
    IF stored.outcome = 'conflict' THEN
        RAISE unique_violation USING
            MESSAGE = 'this client id was used for another message', CONSTRAINT = 'idx_messages_client',
            TABLE = 'messages', SCHEMA = 'public';
    ELSIF stored.outcome NOT IN ('stored', 'duplicate') THEN
        RAISE no_data_found USING MESSAGE = 'there is no such room, or no such member of it';
    END IF;
    IF stored.outcome = 'stored' THEN
        PERFORM hubbub.tell('room ' || room_id);
    END IF;
    RETURN QUERY SELECT stored.message_id, stored.seq, stored.created_at, stored.outcome = 'duplicate';
END
$_$;


--
-- Name: raise_watermarks(); Type: FUNCTION; Schema: hubbub; Owner: -
--

CREATE FUNCTION hubbub.raise_watermarks() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public'
    AS $$
DECLARE
    is_read constant boolean := tg_table_name = 'message_reads';
    small boolean;
    mark record;
BEGIN
    PERFORM set_config('hubbub.receipts', 'server', true);
    FOR mark IN
        SELECT x.member_id, x.room_id, x.user_id, x.delivered_seq, x.read_seq,
            greatest(x.delivered_seq, t.top) AS to_delivered,
            CASE WHEN is_read THEN greatest(x.read_seq, t.top) ELSE x.read_seq END AS to_read
        FROM public.room_members AS x
        JOIN (
            SELECT m.room_id, f.user_id, max(m.seq) AS top
            FROM fresh AS f JOIN public.messages AS m ON m.message_id = f.message_id
            GROUP BY m.room_id, f.user_id
        ) AS t ON t.room_id = x.room_id AND t.user_id = x.user_id
        WHERE CASE WHEN is_read THEN x.read_seq ELSE x.delivered_seq END < t.top
        ORDER BY x.room_id, x.user_id
        FOR NO KEY UPDATE OF x
    LOOP
        UPDATE public.room_members AS x SET read_seq = mark.to_read, delivered_seq = mark.to_delivered
        WHERE x.member_id = mark.member_id;
        IF mark.to_delivered > mark.delivered_seq THEN
            PERFORM hubbub.tell(concat_ws(' ', 'delivered', mark.room_id, mark.user_id));
        END IF;
        IF mark.to_read > mark.read_seq THEN
            PERFORM hubbub.tell(concat_ws(' ', 'read', mark.room_id, mark.user_id));
        END IF;
        SELECT r.member_count <= k.value::integer INTO small
        FROM public.rooms AS r, hubbub.meta AS k
        WHERE r.room_id = mark.room_id AND k.key = 'receipt_rows_max_members';
        IF small THEN
            PERFORM hubbub.fill_receipts(
                mark.room_id, mark.user_id, mark.delivered_seq, mark.to_delivered, mark.read_seq, mark.to_read);
        END IF;
    END LOOP;
    PERFORM set_config('hubbub.receipts', '', true);
    RETURN NULL;
END
$$;


--
-- Name: refuse_move(); Type: FUNCTION; Schema: hubbub; Owner: -
--

CREATE FUNCTION hubbub.refuse_move() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public'
    AS $$
BEGIN
    RAISE integrity_constraint_violation USING
        MESSAGE = format('a row of %s keeps its room and its place', tg_table_name),
        HINT = 'Insert a new row, and delete this one.';
END
$$;


--
-- Name: tell(text); Type: FUNCTION; Schema: hubbub; Owner: -
--

CREATE FUNCTION hubbub.tell(words text) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF pg_notification_queue_usage() < 0.5 THEN
        PERFORM pg_notify('hubbub_sql', words);
    END IF;
END
$$;


--
-- Name: tell_coming(uuid, uuid, bigint); Type: FUNCTION; Schema: hubbub; Owner: -
--

CREATE FUNCTION hubbub.tell_coming(room uuid, person uuid, number bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF current_setting('hubbub.writer', true) IS DISTINCT FROM 'server' OR pg_trigger_depth() > 1 THEN
        PERFORM hubbub.tell(concat_ws(' ', 'joined', room, person, number));
    END IF;
END
$$;


--
-- Name: tell_room(); Type: FUNCTION; Schema: hubbub; Owner: -
--

CREATE FUNCTION hubbub.tell_room() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public'
    AS $$
BEGIN
    PERFORM hubbub.tell('room ' || coalesce(new.room_id, old.room_id));
    RETURN NULL;
END
$$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: alembic_version; Type: TABLE; Schema: hubbub; Owner: -
--

CREATE TABLE hubbub.alembic_version (
    version_num character varying(32) NOT NULL
);


--
-- Name: auth_sessions; Type: TABLE; Schema: hubbub; Owner: -
--

CREATE TABLE hubbub.auth_sessions (
    session_id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_used_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    user_agent text
);


--
-- Name: commands; Type: TABLE; Schema: hubbub; Owner: -
--

CREATE TABLE hubbub.commands (
    user_id uuid NOT NULL,
    client_id character varying(64) NOT NULL,
    hash bytea NOT NULL,
    answer text,
    done_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: message_edits; Type: TABLE; Schema: hubbub; Owner: -
--

CREATE TABLE hubbub.message_edits (
    message_id uuid NOT NULL,
    edit_no integer NOT NULL,
    message_text text NOT NULL,
    edited_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    edited_by uuid
);


--
-- Name: meta; Type: TABLE; Schema: hubbub; Owner: -
--

CREATE TABLE hubbub.meta (
    key text NOT NULL,
    value text NOT NULL
);


--
-- Name: nodes; Type: TABLE; Schema: hubbub; Owner: -
--

CREATE TABLE hubbub.nodes (
    node_id uuid NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    lease_until timestamp with time zone NOT NULL,
    host text,
    address text,
    revision integer
);


--
-- Name: refresh_tokens; Type: TABLE; Schema: hubbub; Owner: -
--

CREATE TABLE hubbub.refresh_tokens (
    token_hash bytea NOT NULL,
    session_id uuid NOT NULL,
    issued_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone
);


--
-- Name: active_sessions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.active_sessions (
    session_id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id uuid NOT NULL,
    socket_id character varying(255),
    room_id uuid,
    connected_at timestamp with time zone DEFAULT now() NOT NULL,
    last_activity timestamp with time zone DEFAULT now() NOT NULL,
    node_id uuid,
    auth_session_id uuid
);


--
-- Name: users; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.users (
    user_id uuid DEFAULT gen_random_uuid() NOT NULL,
    username character varying(50) NOT NULL,
    email character varying(255),
    password character varying(255),
    display_name character varying(100),
    avatar text,
    bio text,
    status character varying(20) DEFAULT 'offline'::character varying NOT NULL,
    last_seen timestamp with time zone DEFAULT now(),
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_login timestamp with time zone,
    role character varying(20) DEFAULT 'user'::character varying NOT NULL,
    deleted_at timestamp with time zone,
    disabled_at timestamp with time zone,
    CONSTRAINT users_role_check CHECK ((((role)::text = 'user'::text) OR ((role)::text = 'admin'::text) OR ((role)::text = 'guest'::text)))
);


--
-- Name: active_users_view; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.active_users_view AS
 SELECT u.user_id,
    u.username,
    u.display_name,
    u.avatar,
    u.status,
    u.last_seen,
    ( SELECT count(*) AS count
           FROM public.active_sessions s
          WHERE (s.user_id = u.user_id)) AS active_sessions
   FROM public.users u
  WHERE (u.deleted_at IS NULL);


--
-- Name: message_deliveries; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.message_deliveries (
    delivery_id uuid DEFAULT gen_random_uuid() NOT NULL,
    message_id uuid NOT NULL,
    user_id uuid NOT NULL,
    delivered_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: message_reads; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.message_reads (
    read_id uuid DEFAULT gen_random_uuid() NOT NULL,
    message_id uuid NOT NULL,
    user_id uuid NOT NULL,
    read_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: messages; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.messages (
    message_id uuid DEFAULT hubbub.new_id() NOT NULL,
    user_id uuid,
    room_id uuid NOT NULL,
    message_text text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    edited_at timestamp with time zone,
    is_deleted boolean DEFAULT false NOT NULL,
    seq bigint NOT NULL,
    change_seq bigint NOT NULL,
    client_id character varying(64),
    client_hash bytea,
    reply_to uuid,
    CONSTRAINT messages_change_seq_check CHECK (((seq >= 0) AND (change_seq >= seq)))
);


--
-- Name: room_members; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.room_members (
    member_id uuid DEFAULT gen_random_uuid() NOT NULL,
    room_id uuid NOT NULL,
    user_id uuid NOT NULL,
    joined_at timestamp with time zone DEFAULT now() NOT NULL,
    left_at timestamp with time zone,
    is_active boolean DEFAULT true NOT NULL,
    from_seq bigint DEFAULT 0 NOT NULL,
    delivered_seq bigint DEFAULT 0 NOT NULL,
    read_seq bigint DEFAULT 0 NOT NULL,
    change_seq bigint DEFAULT 0 NOT NULL,
    CONSTRAINT room_members_watermarks_check CHECK (((from_seq >= 0) AND (from_seq <= read_seq) AND (read_seq <= delivered_seq) AND (change_seq >= 0)))
)
WITH (fillfactor='80');


--
-- Name: messages_with_user_view; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.messages_with_user_view AS
 SELECT m.message_id,
    m.message_text,
    m.created_at,
    m.edited_at,
    m.is_deleted,
    m.room_id,
    m.user_id,
        CASE
            WHEN ((u.user_id IS NULL) OR (u.deleted_at IS NOT NULL)) THEN 'deleted user'::character varying
            ELSE u.username
        END AS username,
        CASE
            WHEN ((u.user_id IS NULL) OR (u.deleted_at IS NOT NULL)) THEN 'Deleted user'::character varying
            ELSE u.display_name
        END AS display_name,
        CASE
            WHEN (u.deleted_at IS NULL) THEN u.avatar
            ELSE NULL::text
        END AS avatar,
    ( SELECT count(*) AS count
           FROM public.room_members x
          WHERE ((x.room_id = m.room_id) AND (x.from_seq < m.seq) AND (x.read_seq >= m.seq) AND (x.user_id IS DISTINCT FROM m.user_id))) AS read_count,
    ( SELECT count(*) AS count
           FROM public.room_members x
          WHERE ((x.room_id = m.room_id) AND (x.from_seq < m.seq) AND (x.delivered_seq >= m.seq) AND (x.user_id IS DISTINCT FROM m.user_id))) AS delivery_count,
    m.seq,
    m.change_seq,
    m.reply_to
   FROM (public.messages m
     LEFT JOIN public.users u ON ((u.user_id = m.user_id)));


--
-- Name: rooms; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.rooms (
    room_id uuid DEFAULT gen_random_uuid() NOT NULL,
    room_name character varying(100) NOT NULL,
    description text,
    created_by uuid,
    is_private boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_seq bigint DEFAULT 0 NOT NULL,
    change_seq bigint DEFAULT 0 NOT NULL,
    message_count bigint DEFAULT 0 NOT NULL,
    member_count integer DEFAULT 0 NOT NULL,
    last_message_at timestamp with time zone,
    client_id character varying(64),
    deleted_at timestamp with time zone,
    CONSTRAINT rooms_change_seq_check CHECK (((change_seq >= 0) AND (change_seq <= last_seq))),
    CONSTRAINT rooms_counters_check CHECK (((message_count >= 0) AND (member_count >= 0)))
)
WITH (fillfactor='70');


--
-- Name: room_stats_view; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.room_stats_view AS
 SELECT r.room_id,
    r.room_name,
    r.message_count AS total_messages,
    (r.member_count)::bigint AS total_members,
    ( SELECT count(DISTINCT s.user_id) AS count
           FROM public.active_sessions s
          WHERE (s.room_id = r.room_id)) AS active_users,
    r.last_message_at
   FROM public.rooms r
  WHERE (r.deleted_at IS NULL);


--
-- Data for Name: alembic_version; Type: TABLE DATA; Schema: hubbub; Owner: -
--

COPY hubbub.alembic_version (version_num) FROM stdin;
0010
\.


--
-- Data for Name: auth_sessions; Type: TABLE DATA; Schema: hubbub; Owner: -
--

COPY hubbub.auth_sessions (session_id, user_id, created_at, last_used_at, expires_at, revoked_at, user_agent) FROM stdin;
\.


--
-- Data for Name: commands; Type: TABLE DATA; Schema: hubbub; Owner: -
--

COPY hubbub.commands (user_id, client_id, hash, answer, done_at) FROM stdin;
\.


--
-- Data for Name: message_edits; Type: TABLE DATA; Schema: hubbub; Owner: -
--

COPY hubbub.message_edits (message_id, edit_no, message_text, edited_at, edited_by) FROM stdin;
01969c73-d878-7001-a000-002000000006	1	At first: n, so we w	2025-05-04 18:00:19.928+00	01941f29-7c00-7001-8001-000000000008
0197e034-5210-7001-a000-001000000012	1	At first: e pictures should come befor	2025-07-06 14:47:54.736+00	01941f29-7c00-7001-8001-000000000003
019a9b81-0810-7001-a000-004000000008	1	At first: lan for next week. Nobody had read the notes yet, but everyone agreed that the second draft is better than the first, and that the pict	2025-11-19 09:46:16.048+00	01941f29-7c00-7001-8001-000000000005
\.


--
-- Data for Name: meta; Type: TABLE DATA; Schema: hubbub; Owner: -
--

COPY hubbub.meta (key, value) FROM stdin;
epoch	8d906669-e1a4-4fc3-bddf-cf13082f7072
receipt_rows_max_members	100
max_message_bytes	16384
compat	9
\.


--
-- Data for Name: nodes; Type: TABLE DATA; Schema: hubbub; Owner: -
--

COPY hubbub.nodes (node_id, started_at, lease_until, host, address, revision) FROM stdin;
\.


--
-- Data for Name: refresh_tokens; Type: TABLE DATA; Schema: hubbub; Owner: -
--

COPY hubbub.refresh_tokens (token_hash, session_id, issued_at, expires_at, used_at) FROM stdin;
\.


--
-- Data for Name: active_sessions; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.active_sessions (session_id, user_id, socket_id, room_id, connected_at, last_activity, node_id, auth_session_id) FROM stdin;
\.


--
-- Data for Name: message_deliveries; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.message_deliveries (delivery_id, message_id, user_id, delivered_at) FROM stdin;
a79e6ca2-2225-f991-237d-2fc5e47b4e6c	01998dd9-28ec-7001-a000-00100000001a	01941f29-7c00-7001-8001-000000000000	2025-09-28 01:04:04.308+00
dc7e6204-0d18-7c49-2b5f-e22ee8f37367	0199c38d-c3c7-7001-a000-00100000001b	01941f29-7c00-7001-8001-000000000000	2025-10-08 11:21:12.879+00
667bcded-f3ce-cb3a-062e-179375044f25	0199f942-5ea3-7001-a000-00100000001c	01941f29-7c00-7001-8001-000000000000	2025-10-18 21:38:21.451+00
9bbe2411-84d6-3469-f307-83046a0e7027	019a2ef6-f97e-7001-a000-00100000001d	01941f29-7c00-7001-8001-000000000000	2025-10-29 07:55:30.022+00
51751f0f-e7f6-3d8b-6a11-bc92b624cd66	019a64ab-9459-7001-a000-00100000001e	01941f29-7c00-7001-8001-000000000000	2025-11-08 18:12:38.593+00
789e0c63-4ecc-3aaa-1093-8c4b85bea95d	019a9a60-2f35-7001-a000-00100000001f	01941f29-7c00-7001-8001-000000000000	2025-11-19 04:29:47.165+00
80254c8f-cfa8-76c9-eeb9-cdcb6e9aef97	019ad014-ca10-7001-a000-001000000020	01941f29-7c00-7001-8001-000000000000	2025-11-29 14:46:55.736+00
a36de6a5-c4cf-7c10-0547-f3275a6a7109	019b05c9-64ec-7001-a000-001000000021	01941f29-7c00-7001-8001-000000000000	2025-12-10 01:04:04.308+00
f0c91d6a-6db5-d58d-184c-98c9ff4c93d3	019b3b7d-ffc7-7001-a000-001000000022	01941f29-7c00-7001-8001-000000000000	2025-12-20 11:21:12.879+00
6799d21c-641d-a762-d348-a853d2cc8e9c	01998dd9-28ec-7001-a000-00100000001a	01941f29-7c00-7001-8001-000000000001	2025-09-28 01:04:04.308+00
9e6da7a1-5cb4-3bb0-3fd1-d2146190b94f	0199c38d-c3c7-7001-a000-00100000001b	01941f29-7c00-7001-8001-000000000001	2025-10-08 11:21:12.879+00
9338d69c-dd47-a5c4-a9bc-2a438d891e2f	0199f942-5ea3-7001-a000-00100000001c	01941f29-7c00-7001-8001-000000000001	2025-10-18 21:38:21.451+00
cd4d50e6-6847-edd1-95e6-30cc06bbe356	019a2ef6-f97e-7001-a000-00100000001d	01941f29-7c00-7001-8001-000000000001	2025-10-29 07:55:30.022+00
f47b9d42-dff0-b087-774f-9f8aa10f3136	019a64ab-9459-7001-a000-00100000001e	01941f29-7c00-7001-8001-000000000001	2025-11-08 18:12:38.593+00
cffd9c4d-2348-b990-bfc7-5b2c4254361b	019a9a60-2f35-7001-a000-00100000001f	01941f29-7c00-7001-8001-000000000001	2025-11-19 04:29:47.165+00
fac542fc-f960-cffc-ce78-e1844c151f00	019b05c9-64ec-7001-a000-001000000021	01941f29-7c00-7001-8001-000000000001	2025-12-10 01:04:04.308+00
60d95415-c2f8-48e2-5b92-7c2089e8abc8	019b3b7d-ffc7-7001-a000-001000000022	01941f29-7c00-7001-8001-000000000001	2025-12-20 11:21:12.879+00
bbcdf733-6fb0-c398-37db-74e320258ad5	019b7132-9aa3-7001-a000-001000000023	01941f29-7c00-7001-8001-000000000001	2025-12-30 21:38:21.451+00
e672cbc7-c8d6-460c-edcb-0a63b881e385	01998dd9-28ec-7001-a000-00100000001a	01941f29-7c00-7001-8001-000000000002	2025-09-28 01:04:04.308+00
58e462a4-6cdd-bb99-1820-1e5b2c263e39	0199c38d-c3c7-7001-a000-00100000001b	01941f29-7c00-7001-8001-000000000002	2025-10-08 11:21:12.879+00
3d84d400-a767-b2ed-14c3-750cde515389	0199f942-5ea3-7001-a000-00100000001c	01941f29-7c00-7001-8001-000000000002	2025-10-18 21:38:21.451+00
48ac43fe-5c3c-f655-37f9-afb36fc2f471	019a2ef6-f97e-7001-a000-00100000001d	01941f29-7c00-7001-8001-000000000002	2025-10-29 07:55:30.022+00
e8f42ca0-f03c-1b4a-2953-514c3d87c6d6	019a64ab-9459-7001-a000-00100000001e	01941f29-7c00-7001-8001-000000000002	2025-11-08 18:12:38.593+00
198a0907-8f72-f59a-f2b3-d03ea522c1c3	019a9a60-2f35-7001-a000-00100000001f	01941f29-7c00-7001-8001-000000000002	2025-11-19 04:29:47.165+00
fc4a3c92-53bc-7d01-61c5-5a48b4af3397	019ad014-ca10-7001-a000-001000000020	01941f29-7c00-7001-8001-000000000002	2025-11-29 14:46:55.736+00
71e92b77-af34-8a71-1834-afbb98aab59b	019b05c9-64ec-7001-a000-001000000021	01941f29-7c00-7001-8001-000000000002	2025-12-10 01:04:04.308+00
612024bb-8366-980a-c479-13405dbed4c8	019b3b7d-ffc7-7001-a000-001000000022	01941f29-7c00-7001-8001-000000000002	2025-12-20 11:21:12.879+00
a76dbdc1-18af-081b-4b4b-69c71ad26e02	019b7132-9aa3-7001-a000-001000000023	01941f29-7c00-7001-8001-000000000002	2025-12-30 21:38:21.451+00
8030e055-cbee-f6ea-9023-84b1bcef189f	01998dd9-28ec-7001-a000-00100000001a	01941f29-7c00-7001-8001-000000000004	2025-09-28 01:04:04.308+00
b1c79e30-6a44-3e46-1190-c0377ba5e663	0199c38d-c3c7-7001-a000-00100000001b	01941f29-7c00-7001-8001-000000000004	2025-10-08 11:21:12.879+00
eee7d960-df02-b6de-bf7d-a469a5e4b1cf	0199f942-5ea3-7001-a000-00100000001c	01941f29-7c00-7001-8001-000000000004	2025-10-18 21:38:21.451+00
c66455d0-c856-fc35-a570-7e324d8b85d8	019a2ef6-f97e-7001-a000-00100000001d	01941f29-7c00-7001-8001-000000000004	2025-10-29 07:55:30.022+00
7a03b342-4c06-0801-4ef1-b4da01767e89	019a64ab-9459-7001-a000-00100000001e	01941f29-7c00-7001-8001-000000000004	2025-11-08 18:12:38.593+00
17f5c0cb-365d-9602-60ce-366cc9ec2dd5	019a9a60-2f35-7001-a000-00100000001f	01941f29-7c00-7001-8001-000000000004	2025-11-19 04:29:47.165+00
a0e413e8-8c1a-e11e-0a7c-b0acfd16060e	019ad014-ca10-7001-a000-001000000020	01941f29-7c00-7001-8001-000000000004	2025-11-29 14:46:55.736+00
aab044dd-7512-dc8c-dd3e-6ddb78a32a80	019b05c9-64ec-7001-a000-001000000021	01941f29-7c00-7001-8001-000000000004	2025-12-10 01:04:04.308+00
cf1c2da5-c9d0-e201-90eb-a2daf0c669ca	019b3b7d-ffc7-7001-a000-001000000022	01941f29-7c00-7001-8001-000000000004	2025-12-20 11:21:12.879+00
c80853f3-706c-117f-ae8b-3e1c998fc277	01998dd9-28ec-7001-a000-00100000001a	01941f29-7c00-7001-8001-000000000005	2025-09-28 01:04:04.308+00
76ee5c40-dc5f-5f44-818b-f9604f2a201e	0199c38d-c3c7-7001-a000-00100000001b	01941f29-7c00-7001-8001-000000000005	2025-10-08 11:21:12.879+00
1710b9c5-d7e4-4d40-f169-bdd5f35a57a4	0199f942-5ea3-7001-a000-00100000001c	01941f29-7c00-7001-8001-000000000005	2025-10-18 21:38:21.451+00
5f9ee445-3262-b0de-7ff0-cf310f260b9b	019a2ef6-f97e-7001-a000-00100000001d	01941f29-7c00-7001-8001-000000000005	2025-10-29 07:55:30.022+00
7ee2be46-d028-33e3-fe9c-1093c60e6600	019a64ab-9459-7001-a000-00100000001e	01941f29-7c00-7001-8001-000000000005	2025-11-08 18:12:38.593+00
a3c87462-c006-481d-b2c0-5dc77ad5f7ae	01998dd9-28ec-7001-a000-00100000001a	01941f29-7c00-7001-8001-000000000006	2025-09-28 01:04:04.308+00
058f68c5-5810-2cf1-d1f4-64c84656fcac	0199c38d-c3c7-7001-a000-00100000001b	01941f29-7c00-7001-8001-000000000006	2025-10-08 11:21:12.879+00
76527fd9-a05d-0dfe-3b00-23b89d272afe	019a2ef6-f97e-7001-a000-00100000001d	01941f29-7c00-7001-8001-000000000006	2025-10-29 07:55:30.022+00
3b99c3f9-d92c-0c20-8419-c17d90f946ae	019a64ab-9459-7001-a000-00100000001e	01941f29-7c00-7001-8001-000000000006	2025-11-08 18:12:38.593+00
77114548-7df1-fc2e-f551-f550c588bdb3	019a9a60-2f35-7001-a000-00100000001f	01941f29-7c00-7001-8001-000000000006	2025-11-19 04:29:47.165+00
9175e565-17da-b5c0-1ab6-5f3d54760c6c	019ad014-ca10-7001-a000-001000000020	01941f29-7c00-7001-8001-000000000006	2025-11-29 14:46:55.736+00
fee7e3ad-700b-fae4-7b3f-44a459f880fd	019b05c9-64ec-7001-a000-001000000021	01941f29-7c00-7001-8001-000000000006	2025-12-10 01:04:04.308+00
ae600293-ff30-a448-a6e7-96236b9ed40c	019b3b7d-ffc7-7001-a000-001000000022	01941f29-7c00-7001-8001-000000000006	2025-12-20 11:21:12.879+00
452317e8-70d3-a199-20cc-17f209b46b31	019b7132-9aa3-7001-a000-001000000023	01941f29-7c00-7001-8001-000000000006	2025-12-30 21:38:21.451+00
e4fcdcc2-6e55-37a5-91fc-0bba3770460c	01998dd9-28ec-7001-a000-00100000001a	01941f29-7c00-7001-8001-000000000007	2025-09-28 01:04:04.308+00
222c409f-920f-7123-c9f9-e2b2d05d5923	0199c38d-c3c7-7001-a000-00100000001b	01941f29-7c00-7001-8001-000000000007	2025-10-08 11:21:12.879+00
4f1d3012-d904-cc7e-d584-303cbf80f27e	0199f942-5ea3-7001-a000-00100000001c	01941f29-7c00-7001-8001-000000000007	2025-10-18 21:38:21.451+00
5f113201-18b2-4ef0-9d3f-5db040784966	019a2ef6-f97e-7001-a000-00100000001d	01941f29-7c00-7001-8001-000000000007	2025-10-29 07:55:30.022+00
67ac25c1-37d3-a9de-cf6c-de4c13039941	019a64ab-9459-7001-a000-00100000001e	01941f29-7c00-7001-8001-000000000007	2025-11-08 18:12:38.593+00
94a447a4-d397-b3c7-38fb-57793a1ccca7	019a9a60-2f35-7001-a000-00100000001f	01941f29-7c00-7001-8001-000000000007	2025-11-19 04:29:47.165+00
dbb7cf16-36e2-ed83-a33b-a4c4bb5d9bc4	019ad014-ca10-7001-a000-001000000020	01941f29-7c00-7001-8001-000000000007	2025-11-29 14:46:55.736+00
61910582-554a-977c-6249-43485cc5cdf5	019b05c9-64ec-7001-a000-001000000021	01941f29-7c00-7001-8001-000000000007	2025-12-10 01:04:04.308+00
90b3be39-a8c3-55ba-6995-04684011f9ec	019b3b7d-ffc7-7001-a000-001000000022	01941f29-7c00-7001-8001-000000000007	2025-12-20 11:21:12.879+00
d23aea60-00e4-8a07-8a57-c2e9a84a1d33	019b7132-9aa3-7001-a000-001000000023	01941f29-7c00-7001-8001-000000000007	2025-12-30 21:38:21.451+00
2c9bab81-410d-5862-ada0-e46459a85135	01998dd9-28ec-7001-a000-00100000001a	01941f29-7c00-7001-8001-000000000008	2025-09-28 01:04:04.308+00
e69bd27a-fa1f-79c1-0fc6-3221de76b7ab	0199c38d-c3c7-7001-a000-00100000001b	01941f29-7c00-7001-8001-000000000008	2025-10-08 11:21:12.879+00
b75a7d9a-9d0e-cf47-2b70-43d0910f4e56	0199f942-5ea3-7001-a000-00100000001c	01941f29-7c00-7001-8001-000000000008	2025-10-18 21:38:21.451+00
ff3e70c2-57f6-7759-49e8-0708551c90f0	019a2ef6-f97e-7001-a000-00100000001d	01941f29-7c00-7001-8001-000000000008	2025-10-29 07:55:30.022+00
19029e9d-9eb4-9417-42be-50e874575e46	019a64ab-9459-7001-a000-00100000001e	01941f29-7c00-7001-8001-000000000008	2025-11-08 18:12:38.593+00
f419f2a1-24be-504b-4aa7-7c99cba881aa	019a9a60-2f35-7001-a000-00100000001f	01941f29-7c00-7001-8001-000000000008	2025-11-19 04:29:47.165+00
b48a13b8-0348-b092-0d0c-cd6af7874952	019ad014-ca10-7001-a000-001000000020	01941f29-7c00-7001-8001-000000000008	2025-11-29 14:46:55.736+00
259532bc-1b08-a7af-47cb-3fd89f72d0d7	0199c38d-c3c7-7001-a000-00100000001b	01941f29-7c00-7001-8001-000000000009	2025-10-08 11:21:12.879+00
8f87cc19-3b02-07fc-c796-f34c54f83024	0199f942-5ea3-7001-a000-00100000001c	01941f29-7c00-7001-8001-000000000009	2025-10-18 21:38:21.451+00
7ab93fcf-0301-aed9-86c1-265f82d10a61	019a2ef6-f97e-7001-a000-00100000001d	01941f29-7c00-7001-8001-000000000009	2025-10-29 07:55:30.022+00
4816a150-b31e-455d-b490-e78373afbd7f	019a64ab-9459-7001-a000-00100000001e	01941f29-7c00-7001-8001-000000000009	2025-11-08 18:12:38.593+00
fd2799ce-8ead-c262-e0dc-551b4dc16fc6	019a9a60-2f35-7001-a000-00100000001f	01941f29-7c00-7001-8001-000000000009	2025-11-19 04:29:47.165+00
a154c494-5927-a780-10b5-1fae3c3714d3	019ad014-ca10-7001-a000-001000000020	01941f29-7c00-7001-8001-000000000009	2025-11-29 14:46:55.736+00
21b42157-1534-e843-dbd2-2e844beee5f2	019b05c9-64ec-7001-a000-001000000021	01941f29-7c00-7001-8001-000000000009	2025-12-10 01:04:04.308+00
3bfcd377-75f0-fd01-4f15-ee4555b019bd	019b3b7d-ffc7-7001-a000-001000000022	01941f29-7c00-7001-8001-000000000009	2025-12-20 11:21:12.879+00
b006a322-a03c-625a-0d48-e985cfede4da	01998dd9-28ec-7001-a000-00100000001a	01941f29-7c00-7001-8001-00000000000a	2025-09-28 01:04:04.308+00
beeedf9e-06e6-86ed-7864-214c78658a53	0199f942-5ea3-7001-a000-00100000001c	01941f29-7c00-7001-8001-00000000000a	2025-10-18 21:38:21.451+00
0226919e-5a33-0860-5190-5d45c43347fe	019a64ab-9459-7001-a000-00100000001e	01941f29-7c00-7001-8001-00000000000a	2025-11-08 18:12:38.593+00
9f5642c1-f533-80bf-e582-ca5b28c8db5e	019ad014-ca10-7001-a000-001000000020	01941f29-7c00-7001-8001-00000000000a	2025-11-29 14:46:55.736+00
b642a0cf-af7d-edbd-43d0-c7985b133cc8	019b05c9-64ec-7001-a000-001000000021	01941f29-7c00-7001-8001-00000000000a	2025-12-10 01:04:04.308+00
df6bd6f5-ee10-314c-0f7e-d6ca3459434c	019b7132-9aa3-7001-a000-001000000023	01941f29-7c00-7001-8001-00000000000a	2025-12-30 21:38:21.451+00
88cea61d-26f0-416d-9c39-a9a4bc048c58	01998dd9-28ec-7001-a000-00100000001a	01941f29-7c00-7001-8001-00000000000b	2025-09-28 01:04:04.308+00
bc795276-133a-9464-a115-12574ef8bd2e	0199c38d-c3c7-7001-a000-00100000001b	01941f29-7c00-7001-8001-00000000000b	2025-10-08 11:21:12.879+00
20143a80-3b10-f0f6-9df8-e2dcfbc2b9c4	0199f942-5ea3-7001-a000-00100000001c	01941f29-7c00-7001-8001-00000000000b	2025-10-18 21:38:21.451+00
d258eca5-bcfb-6639-54e6-e4fb7bbfb6f5	019a2ef6-f97e-7001-a000-00100000001d	01941f29-7c00-7001-8001-00000000000b	2025-10-29 07:55:30.022+00
7afb20ac-431e-4872-8b46-207e154a2bc5	019a64ab-9459-7001-a000-00100000001e	01941f29-7c00-7001-8001-00000000000b	2025-11-08 18:12:38.593+00
842ccd4d-2499-baab-1b85-b80089564653	019a9a60-2f35-7001-a000-00100000001f	01941f29-7c00-7001-8001-00000000000b	2025-11-19 04:29:47.165+00
c40a86d3-5da2-d14a-e502-6211262bb792	019ad014-ca10-7001-a000-001000000020	01941f29-7c00-7001-8001-00000000000b	2025-11-29 14:46:55.736+00
59763ca4-c08c-ca78-e973-bded3aa2f588	019b05c9-64ec-7001-a000-001000000021	01941f29-7c00-7001-8001-00000000000b	2025-12-10 01:04:04.308+00
4e83f911-239d-9cf9-bd96-25d7da602987	019b3b7d-ffc7-7001-a000-001000000022	01941f29-7c00-7001-8001-00000000000b	2025-12-20 11:21:12.879+00
05ade444-6213-fd27-8b7f-da4941ff4a2b	019b7132-9aa3-7001-a000-001000000023	01941f29-7c00-7001-8001-00000000000b	2025-12-30 21:38:21.451+00
4b5e36ca-44e8-b75e-1a4b-ce47cb072c7f	019711ee-eb38-7001-a000-002000000007	01941f29-7c00-7001-8001-000000000000	2025-05-27 13:29:20.928+00
306b650e-f78f-15b4-e422-72914e8c6885	01978769-fdf8-7001-a000-002000000008	01941f29-7c00-7001-8001-000000000000	2025-06-19 08:59:20.928+00
288deb8e-4056-020e-22d5-7912d0ff9abb	0197fce5-10b8-7001-a000-002000000009	01941f29-7c00-7001-8001-000000000000	2025-07-12 04:29:20.928+00
b2778073-0b05-bdb3-b32f-2dcfaa896a2b	01987260-2378-7001-a000-00200000000a	01941f29-7c00-7001-8001-000000000000	2025-08-03 23:59:20.928+00
32924f71-ea95-89e9-9b6c-164f9c940cdc	0198e7db-3638-7001-a000-00200000000b	01941f29-7c00-7001-8001-000000000000	2025-08-26 19:29:20.928+00
0b27b38a-4c9e-9396-0d62-e3e3cc57345c	01995d56-48f8-7001-a000-00200000000c	01941f29-7c00-7001-8001-000000000000	2025-09-18 14:59:20.928+00
b439ba64-3ed0-0624-4bac-7679f1abe522	0199d2d1-5bb8-7001-a000-00200000000d	01941f29-7c00-7001-8001-000000000000	2025-10-11 10:29:20.928+00
7a8bb3c2-0208-5266-7afd-81c39e30ab65	019a484c-6e78-7001-a000-00200000000e	01941f29-7c00-7001-8001-000000000000	2025-11-03 05:59:20.928+00
19b42bdb-5f41-904e-5dd1-5257bcd01dce	019abdc7-8138-7001-a000-00200000000f	01941f29-7c00-7001-8001-000000000000	2025-11-26 01:29:20.928+00
034074b6-c4b1-3736-ee8b-4aa648c36a0c	019b3342-93f8-7001-a000-002000000010	01941f29-7c00-7001-8001-000000000000	2025-12-18 20:59:20.928+00
41124f97-eeec-cea3-3713-4c0aef6be5ff	019711ee-eb38-7001-a000-002000000007	01941f29-7c00-7001-8001-000000000001	2025-05-27 13:29:20.928+00
38e97d57-1452-ddcf-614a-59b2b1189017	01978769-fdf8-7001-a000-002000000008	01941f29-7c00-7001-8001-000000000001	2025-06-19 08:59:20.928+00
f589e013-1a90-a617-0a53-f7e8f973950e	0197fce5-10b8-7001-a000-002000000009	01941f29-7c00-7001-8001-000000000001	2025-07-12 04:29:20.928+00
a3b90cb2-10ef-2840-33d8-00846dbe4a7c	01987260-2378-7001-a000-00200000000a	01941f29-7c00-7001-8001-000000000001	2025-08-03 23:59:20.928+00
3bb44462-0425-8361-bd44-47546aa21008	0198e7db-3638-7001-a000-00200000000b	01941f29-7c00-7001-8001-000000000001	2025-08-26 19:29:20.928+00
6239e3dc-918c-b37a-b5f6-b9e156fe4cd2	01995d56-48f8-7001-a000-00200000000c	01941f29-7c00-7001-8001-000000000001	2025-09-18 14:59:20.928+00
09b1484d-df2e-1de8-3a23-c587080487f9	0199d2d1-5bb8-7001-a000-00200000000d	01941f29-7c00-7001-8001-000000000001	2025-10-11 10:29:20.928+00
d8522531-f981-c94d-5a61-84cea45ab1ab	0197fce5-10b8-7001-a000-002000000009	01941f29-7c00-7001-8001-000000000003	2025-07-12 04:29:20.928+00
59e8972b-a46d-ab3d-2bb3-4c0c6f65e2d6	01987260-2378-7001-a000-00200000000a	01941f29-7c00-7001-8001-000000000003	2025-08-03 23:59:20.928+00
c1ed102d-1c9a-b402-f272-adfabe35c38f	0198e7db-3638-7001-a000-00200000000b	01941f29-7c00-7001-8001-000000000003	2025-08-26 19:29:20.928+00
ef74d272-826f-5fb5-2ea3-63c8c0f5857b	01995d56-48f8-7001-a000-00200000000c	01941f29-7c00-7001-8001-000000000003	2025-09-18 14:59:20.928+00
d4c67e97-a1ac-93b1-1487-39e9be2995d6	0199d2d1-5bb8-7001-a000-00200000000d	01941f29-7c00-7001-8001-000000000003	2025-10-11 10:29:20.928+00
2b53ccbc-af22-b0f7-9acc-623c1b7678d4	019abdc7-8138-7001-a000-00200000000f	01941f29-7c00-7001-8001-000000000003	2025-11-26 01:29:20.928+00
c15e7df0-da8e-a6d6-d60c-98ebc64958a8	019711ee-eb38-7001-a000-002000000007	01941f29-7c00-7001-8001-000000000005	2025-05-27 13:29:20.928+00
7fc18a06-8ada-4200-a3e2-06ddfa8a7167	01978769-fdf8-7001-a000-002000000008	01941f29-7c00-7001-8001-000000000005	2025-06-19 08:59:20.928+00
fe694617-cb37-2a17-ce02-83d153374291	0197fce5-10b8-7001-a000-002000000009	01941f29-7c00-7001-8001-000000000005	2025-07-12 04:29:20.928+00
5eff3bea-a0b7-39ca-17b7-905dc4bde144	01987260-2378-7001-a000-00200000000a	01941f29-7c00-7001-8001-000000000005	2025-08-03 23:59:20.928+00
85290d34-9795-9733-721e-e5e9efbc2e4b	019711ee-eb38-7001-a000-002000000007	01941f29-7c00-7001-8001-000000000008	2025-05-27 13:29:20.928+00
9ca2459f-d718-2258-9744-1239e2552ae2	01978769-fdf8-7001-a000-002000000008	01941f29-7c00-7001-8001-000000000008	2025-06-19 08:59:20.928+00
129aceda-07a9-63ca-535d-584498c31889	0197fce5-10b8-7001-a000-002000000009	01941f29-7c00-7001-8001-000000000008	2025-07-12 04:29:20.928+00
b32145be-99bc-ceeb-109e-14cdc3a41489	01987260-2378-7001-a000-00200000000a	01941f29-7c00-7001-8001-000000000008	2025-08-03 23:59:20.928+00
cf6ac47e-c2e9-ac09-48f5-7bec9cb97f7d	0198e7db-3638-7001-a000-00200000000b	01941f29-7c00-7001-8001-000000000008	2025-08-26 19:29:20.928+00
f62d031c-3b83-3838-f6c9-8f549a9db869	01995d56-48f8-7001-a000-00200000000c	01941f29-7c00-7001-8001-000000000008	2025-09-18 14:59:20.928+00
c13322e1-6805-5ef8-46b2-996a38514479	0199d2d1-5bb8-7001-a000-00200000000d	01941f29-7c00-7001-8001-000000000008	2025-10-11 10:29:20.928+00
0981c3dc-4a47-c6f7-d8ad-4da13aae19d0	019a484c-6e78-7001-a000-00200000000e	01941f29-7c00-7001-8001-000000000008	2025-11-03 05:59:20.928+00
4dcd1579-d67a-38cb-692c-bae3e852b850	019abdc7-8138-7001-a000-00200000000f	01941f29-7c00-7001-8001-000000000008	2025-11-26 01:29:20.928+00
5c354d00-45a7-1c84-6298-7881cc4397e6	019b3342-93f8-7001-a000-002000000010	01941f29-7c00-7001-8001-000000000008	2025-12-18 20:59:20.928+00
a8382db8-815c-2ace-a16c-4a96a8ea5cd6	019711ee-eb38-7001-a000-002000000007	01941f29-7c00-7001-8001-00000000000a	2025-05-27 13:29:20.928+00
16753352-6000-a6fe-8c7f-ce594d54ddc3	01978769-fdf8-7001-a000-002000000008	01941f29-7c00-7001-8001-00000000000a	2025-06-19 08:59:20.928+00
093fd4b2-f728-f79d-a16c-967ea50a6131	01995d56-48f8-7001-a000-00200000000c	01941f29-7c00-7001-8001-00000000000a	2025-09-18 14:59:20.928+00
31605ed0-5ade-6d84-d6f4-4846a23673c7	019a484c-6e78-7001-a000-00200000000e	01941f29-7c00-7001-8001-00000000000a	2025-11-03 05:59:20.928+00
c36aeb0b-311d-f579-bc46-c85ee86f04cf	019abdc7-8138-7001-a000-00200000000f	01941f29-7c00-7001-8001-00000000000a	2025-11-26 01:29:20.928+00
a0e9c7ae-0a23-44ad-0130-30e5f911782d	019b3342-93f8-7001-a000-002000000010	01941f29-7c00-7001-8001-00000000000a	2025-12-18 20:59:20.928+00
925b49d4-f26c-7e6d-f5dc-3cd6da1e9d3f	01947ca4-9069-7001-a000-003000000001	01941f29-7c00-7001-8001-000000000000	2025-01-19 03:39:08.241+00
2624ab02-818f-0186-75f7-b6611a9e51a6	0195389c-ae69-7001-a000-003000000002	01941f29-7c00-7001-8001-000000000000	2025-02-24 15:39:08.241+00
e031bf29-97b4-d8bd-9995-ab10d9fa0c49	0195f494-cc69-7001-a000-003000000003	01941f29-7c00-7001-8001-000000000000	2025-04-02 03:39:08.241+00
78b39dac-a4eb-8be8-a614-763cff242210	0196b08c-ea69-7001-a000-003000000004	01941f29-7c00-7001-8001-000000000000	2025-05-08 15:39:08.241+00
ddf177e2-3d21-a23a-fe7e-b4806c5ba644	01976c85-0869-7001-a000-003000000005	01941f29-7c00-7001-8001-000000000000	2025-06-14 03:39:08.241+00
e0fc98ec-9641-8003-4c97-00366ed187ee	0198287d-2669-7001-a000-003000000006	01941f29-7c00-7001-8001-000000000000	2025-07-20 15:39:08.241+00
acb9159d-5730-20b7-7a22-9afddf926509	0198e475-4469-7001-a000-003000000007	01941f29-7c00-7001-8001-000000000000	2025-08-26 03:39:08.241+00
3822c388-0042-f65d-7e8d-a75cc9c7cea5	0199a06d-6269-7001-a000-003000000008	01941f29-7c00-7001-8001-000000000000	2025-10-01 15:39:08.241+00
b9c7f8d1-e1f3-79e8-17c8-e956c1a68825	019a5c65-8069-7001-a000-003000000009	01941f29-7c00-7001-8001-000000000000	2025-11-07 03:39:08.241+00
a7d8ac82-2fdb-16c3-c271-47ba6af67a9b	019b185d-9e69-7001-a000-00300000000a	01941f29-7c00-7001-8001-000000000000	2025-12-13 15:39:08.241+00
555994bf-356c-7cc8-5cd4-fa4d3607b676	01976c85-0869-7001-a000-003000000005	01941f29-7c00-7001-8001-000000000009	2025-06-14 03:39:08.241+00
d8aee53c-f158-5538-6e0f-c60bd0af7c55	0198287d-2669-7001-a000-003000000006	01941f29-7c00-7001-8001-000000000009	2025-07-20 15:39:08.241+00
ad110c9e-1529-1ec5-70a7-eb51ba987c39	0198e475-4469-7001-a000-003000000007	01941f29-7c00-7001-8001-000000000009	2025-08-26 03:39:08.241+00
a64140ca-4c75-59b5-eb66-f10a4489dbd2	019a5c65-8069-7001-a000-003000000009	01941f29-7c00-7001-8001-000000000009	2025-11-07 03:39:08.241+00
b4d3838d-9809-61bb-9dc8-fbb201145b58	01947ca4-9069-7001-a000-003000000001	01941f29-7c00-7001-8001-00000000000a	2025-01-19 03:39:08.241+00
be257453-9ab0-b68a-2271-8053ea6c7b1b	0195389c-ae69-7001-a000-003000000002	01941f29-7c00-7001-8001-00000000000a	2025-02-24 15:39:08.241+00
94157700-aa10-399e-c9ee-d790335950a0	0195f494-cc69-7001-a000-003000000003	01941f29-7c00-7001-8001-00000000000a	2025-04-02 03:39:08.241+00
12207e4d-58ef-aad4-ce5e-57246dbdf098	0196b08c-ea69-7001-a000-003000000004	01941f29-7c00-7001-8001-00000000000a	2025-05-08 15:39:08.241+00
767834ea-6eea-d03a-9273-babe13418980	01947ca4-9069-7001-a000-003000000001	01941f29-7c00-7001-8001-00000000000b	2025-01-19 03:39:08.241+00
9c5d875c-33c4-fff4-ced6-668b952985dc	0195389c-ae69-7001-a000-003000000002	01941f29-7c00-7001-8001-00000000000b	2025-02-24 15:39:08.241+00
8e8dc911-9b8f-a691-a8bb-5a5738d8cbe0	0195f494-cc69-7001-a000-003000000003	01941f29-7c00-7001-8001-00000000000b	2025-04-02 03:39:08.241+00
3c1704c5-857c-a562-579b-5f8c4139bdcb	0196b08c-ea69-7001-a000-003000000004	01941f29-7c00-7001-8001-00000000000b	2025-05-08 15:39:08.241+00
f1516b8d-5341-17d1-0bad-10f0ddf8c37a	01976c85-0869-7001-a000-003000000005	01941f29-7c00-7001-8001-00000000000b	2025-06-14 03:39:08.241+00
9816046c-f294-e9ac-1c22-234a1ba25530	0198287d-2669-7001-a000-003000000006	01941f29-7c00-7001-8001-00000000000b	2025-07-20 15:39:08.241+00
09df22ef-4b61-a7d2-2d53-db84c32f4f23	0198e475-4469-7001-a000-003000000007	01941f29-7c00-7001-8001-00000000000b	2025-08-26 03:39:08.241+00
a4988785-0c40-4b06-aa32-9f51bca20afa	0199a06d-6269-7001-a000-003000000008	01941f29-7c00-7001-8001-00000000000b	2025-10-01 15:39:08.241+00
3a07c3f2-8b80-0b88-8f5d-5cd36d7e6cc8	019a5c65-8069-7001-a000-003000000009	01941f29-7c00-7001-8001-00000000000b	2025-11-07 03:39:08.241+00
de983a7b-833c-cbdc-4688-f394f9955a94	019b185d-9e69-7001-a000-00300000000a	01941f29-7c00-7001-8001-00000000000b	2025-12-13 15:39:08.241+00
58abe09d-9bd3-879e-1d2a-6b8b7754086b	019604b2-4c90-7001-a000-004000000003	01941f29-7c00-7001-8001-000000000000	2025-04-05 06:45:17.048+00
2ad3c206-f507-4f10-cbbd-2b25f04f2423	019a9b81-0810-7001-a000-004000000008	01941f29-7c00-7001-8001-000000000000	2025-11-19 09:45:17.048+00
a2b75f13-3532-de65-e938-718814f96ecb	01942ec6-0190-7001-a000-004000000001	01941f29-7c00-7001-8001-000000000005	2025-01-04 00:45:17.048+00
fa90cb2d-99bd-fe16-6c39-0cca8117452e	019519bc-2710-7001-a000-004000000002	01941f29-7c00-7001-8001-000000000005	2025-02-18 15:45:17.048+00
a9324a3f-de45-3d22-be4d-d033eda32898	0196efa8-7210-7001-a000-004000000004	01941f29-7c00-7001-8001-000000000005	2025-05-20 21:45:17.048+00
01430c57-c5ac-3b58-981d-7c5a82a25153	0197da9e-9790-7001-a000-004000000005	01941f29-7c00-7001-8001-000000000005	2025-07-05 12:45:17.048+00
1c347617-9ad9-d81b-84e9-a45200bcb45d	0198c594-bd10-7001-a000-004000000006	01941f29-7c00-7001-8001-000000000005	2025-08-20 03:45:17.048+00
e832c1bd-737e-b3e4-26ba-1e97887e9dac	0199b08a-e290-7001-a000-004000000007	01941f29-7c00-7001-8001-000000000005	2025-10-04 18:45:17.048+00
9b91e98a-d71d-669e-4679-595bf19c730f	01942ec6-0190-7001-a000-004000000001	01941f29-7c00-7001-8001-00000000000a	2025-01-04 00:45:17.048+00
4de85e14-7920-9004-61d3-5b9d2ce25ced	019519bc-2710-7001-a000-004000000002	01941f29-7c00-7001-8001-00000000000a	2025-02-18 15:45:17.048+00
66a8437f-5098-0820-4fd9-03bebdcb159c	019604b2-4c90-7001-a000-004000000003	01941f29-7c00-7001-8001-00000000000a	2025-04-05 06:45:17.048+00
c5ecb774-6519-2524-d1fb-8e2e5b41a2e7	0196efa8-7210-7001-a000-004000000004	01941f29-7c00-7001-8001-00000000000a	2025-05-20 21:45:17.048+00
bb4f00d9-9c88-030a-f42a-2327d19dfd03	0197da9e-9790-7001-a000-004000000005	01941f29-7c00-7001-8001-00000000000a	2025-07-05 12:45:17.048+00
85416d81-2b10-6557-4dd1-2c9c03f4775c	0198c594-bd10-7001-a000-004000000006	01941f29-7c00-7001-8001-00000000000a	2025-08-20 03:45:17.048+00
6dd48a1b-ec41-6636-fe0b-85f7ceb2c4d0	0199b08a-e290-7001-a000-004000000007	01941f29-7c00-7001-8001-00000000000a	2025-10-04 18:45:17.048+00
43fca852-6ec6-405f-a4bd-4125e37323e5	019a9b81-0810-7001-a000-004000000008	01941f29-7c00-7001-8001-00000000000a	2025-11-19 09:45:17.048+00
32f8654f-8aa8-b64c-b99d-6737be395590	0197aba4-b7be-7001-a000-005000000003	01941f29-7c00-7001-8001-000000000000	2025-06-26 09:49:49.35+00
ecc518d7-0cdb-7374-813f-deb0baa31f3a	019a1e35-1bbe-7001-a000-005000000005	01941f29-7c00-7001-8001-000000000000	2025-10-26 01:49:49.35+00
f8179162-a9ee-142a-f919-23281d1e76b2	01953914-53be-7001-a000-005000000001	01941f29-7c00-7001-8001-000000000007	2025-02-24 17:49:49.35+00
e7c1df88-6609-6585-0446-31bd806db03a	0196725c-85be-7001-a000-005000000002	01941f29-7c00-7001-8001-000000000007	2025-04-26 13:49:49.35+00
20ac6628-338b-18b7-595f-fa35f0a3d313	0198e4ec-e9be-7001-a000-005000000004	01941f29-7c00-7001-8001-000000000007	2025-08-26 05:49:49.35+00
b3e69380-41da-b602-2094-6720d51ce557	019b577d-4dbe-7001-a000-005000000006	01941f29-7c00-7001-8001-000000000007	2025-12-25 21:49:49.35+00
a85b43c6-496d-2321-99d9-892584dd9265	01949c5d-a9d5-7001-a000-006000000001	01941f29-7c00-7001-8001-000000000000	2025-01-25 07:29:32.605+00
ee223c02-3229-6047-d897-0e07404932b9	01978c3e-21d5-7001-a000-006000000003	01941f29-7c00-7001-8001-000000000000	2025-06-20 07:29:32.605+00
8da5c26e-38e8-4ff6-71c5-bffecc3dffdb	0196144d-e5d5-7001-a000-006000000002	01941f29-7c00-7001-8001-000000000001	2025-04-08 07:29:32.605+00
016de036-8e5d-6989-bbc8-a05ced0f2f0d	0199042e-5dd5-7001-a000-006000000004	01941f29-7c00-7001-8001-000000000001	2025-09-01 07:29:32.605+00
bf093026-43bf-b7bc-c97b-5666bbb40db9	019a7c1e-99d5-7001-a000-006000000005	01941f29-7c00-7001-8001-000000000001	2025-11-13 07:29:32.605+00
\.


--
-- Data for Name: message_reads; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.message_reads (read_id, message_id, user_id, read_at) FROM stdin;
a79e6ca2-2225-f991-237d-2fc5e47b4e6c	01998dd9-28ec-7001-a000-00100000001a	01941f29-7c00-7001-8001-000000000000	2025-09-28 01:04:04.308+00
dc7e6204-0d18-7c49-2b5f-e22ee8f37367	0199c38d-c3c7-7001-a000-00100000001b	01941f29-7c00-7001-8001-000000000000	2025-10-08 11:21:12.879+00
667bcded-f3ce-cb3a-062e-179375044f25	0199f942-5ea3-7001-a000-00100000001c	01941f29-7c00-7001-8001-000000000000	2025-10-18 21:38:21.451+00
9bbe2411-84d6-3469-f307-83046a0e7027	019a2ef6-f97e-7001-a000-00100000001d	01941f29-7c00-7001-8001-000000000000	2025-10-29 07:55:30.022+00
51751f0f-e7f6-3d8b-6a11-bc92b624cd66	019a64ab-9459-7001-a000-00100000001e	01941f29-7c00-7001-8001-000000000000	2025-11-08 18:12:38.593+00
789e0c63-4ecc-3aaa-1093-8c4b85bea95d	019a9a60-2f35-7001-a000-00100000001f	01941f29-7c00-7001-8001-000000000000	2025-11-19 04:29:47.165+00
80254c8f-cfa8-76c9-eeb9-cdcb6e9aef97	019ad014-ca10-7001-a000-001000000020	01941f29-7c00-7001-8001-000000000000	2025-11-29 14:46:55.736+00
6799d21c-641d-a762-d348-a853d2cc8e9c	01998dd9-28ec-7001-a000-00100000001a	01941f29-7c00-7001-8001-000000000001	2025-09-28 01:04:04.308+00
9e6da7a1-5cb4-3bb0-3fd1-d2146190b94f	0199c38d-c3c7-7001-a000-00100000001b	01941f29-7c00-7001-8001-000000000001	2025-10-08 11:21:12.879+00
9338d69c-dd47-a5c4-a9bc-2a438d891e2f	0199f942-5ea3-7001-a000-00100000001c	01941f29-7c00-7001-8001-000000000001	2025-10-18 21:38:21.451+00
cd4d50e6-6847-edd1-95e6-30cc06bbe356	019a2ef6-f97e-7001-a000-00100000001d	01941f29-7c00-7001-8001-000000000001	2025-10-29 07:55:30.022+00
f47b9d42-dff0-b087-774f-9f8aa10f3136	019a64ab-9459-7001-a000-00100000001e	01941f29-7c00-7001-8001-000000000001	2025-11-08 18:12:38.593+00
cffd9c4d-2348-b990-bfc7-5b2c4254361b	019a9a60-2f35-7001-a000-00100000001f	01941f29-7c00-7001-8001-000000000001	2025-11-19 04:29:47.165+00
fac542fc-f960-cffc-ce78-e1844c151f00	019b05c9-64ec-7001-a000-001000000021	01941f29-7c00-7001-8001-000000000001	2025-12-10 01:04:04.308+00
60d95415-c2f8-48e2-5b92-7c2089e8abc8	019b3b7d-ffc7-7001-a000-001000000022	01941f29-7c00-7001-8001-000000000001	2025-12-20 11:21:12.879+00
bbcdf733-6fb0-c398-37db-74e320258ad5	019b7132-9aa3-7001-a000-001000000023	01941f29-7c00-7001-8001-000000000001	2025-12-30 21:38:21.451+00
e672cbc7-c8d6-460c-edcb-0a63b881e385	01998dd9-28ec-7001-a000-00100000001a	01941f29-7c00-7001-8001-000000000002	2025-09-28 01:04:04.308+00
58e462a4-6cdd-bb99-1820-1e5b2c263e39	0199c38d-c3c7-7001-a000-00100000001b	01941f29-7c00-7001-8001-000000000002	2025-10-08 11:21:12.879+00
3d84d400-a767-b2ed-14c3-750cde515389	0199f942-5ea3-7001-a000-00100000001c	01941f29-7c00-7001-8001-000000000002	2025-10-18 21:38:21.451+00
48ac43fe-5c3c-f655-37f9-afb36fc2f471	019a2ef6-f97e-7001-a000-00100000001d	01941f29-7c00-7001-8001-000000000002	2025-10-29 07:55:30.022+00
e8f42ca0-f03c-1b4a-2953-514c3d87c6d6	019a64ab-9459-7001-a000-00100000001e	01941f29-7c00-7001-8001-000000000002	2025-11-08 18:12:38.593+00
198a0907-8f72-f59a-f2b3-d03ea522c1c3	019a9a60-2f35-7001-a000-00100000001f	01941f29-7c00-7001-8001-000000000002	2025-11-19 04:29:47.165+00
fc4a3c92-53bc-7d01-61c5-5a48b4af3397	019ad014-ca10-7001-a000-001000000020	01941f29-7c00-7001-8001-000000000002	2025-11-29 14:46:55.736+00
71e92b77-af34-8a71-1834-afbb98aab59b	019b05c9-64ec-7001-a000-001000000021	01941f29-7c00-7001-8001-000000000002	2025-12-10 01:04:04.308+00
612024bb-8366-980a-c479-13405dbed4c8	019b3b7d-ffc7-7001-a000-001000000022	01941f29-7c00-7001-8001-000000000002	2025-12-20 11:21:12.879+00
a76dbdc1-18af-081b-4b4b-69c71ad26e02	019b7132-9aa3-7001-a000-001000000023	01941f29-7c00-7001-8001-000000000002	2025-12-30 21:38:21.451+00
8030e055-cbee-f6ea-9023-84b1bcef189f	01998dd9-28ec-7001-a000-00100000001a	01941f29-7c00-7001-8001-000000000004	2025-09-28 01:04:04.308+00
b1c79e30-6a44-3e46-1190-c0377ba5e663	0199c38d-c3c7-7001-a000-00100000001b	01941f29-7c00-7001-8001-000000000004	2025-10-08 11:21:12.879+00
eee7d960-df02-b6de-bf7d-a469a5e4b1cf	0199f942-5ea3-7001-a000-00100000001c	01941f29-7c00-7001-8001-000000000004	2025-10-18 21:38:21.451+00
c66455d0-c856-fc35-a570-7e324d8b85d8	019a2ef6-f97e-7001-a000-00100000001d	01941f29-7c00-7001-8001-000000000004	2025-10-29 07:55:30.022+00
7a03b342-4c06-0801-4ef1-b4da01767e89	019a64ab-9459-7001-a000-00100000001e	01941f29-7c00-7001-8001-000000000004	2025-11-08 18:12:38.593+00
17f5c0cb-365d-9602-60ce-366cc9ec2dd5	019a9a60-2f35-7001-a000-00100000001f	01941f29-7c00-7001-8001-000000000004	2025-11-19 04:29:47.165+00
a0e413e8-8c1a-e11e-0a7c-b0acfd16060e	019ad014-ca10-7001-a000-001000000020	01941f29-7c00-7001-8001-000000000004	2025-11-29 14:46:55.736+00
aab044dd-7512-dc8c-dd3e-6ddb78a32a80	019b05c9-64ec-7001-a000-001000000021	01941f29-7c00-7001-8001-000000000004	2025-12-10 01:04:04.308+00
cf1c2da5-c9d0-e201-90eb-a2daf0c669ca	019b3b7d-ffc7-7001-a000-001000000022	01941f29-7c00-7001-8001-000000000004	2025-12-20 11:21:12.879+00
a3c87462-c006-481d-b2c0-5dc77ad5f7ae	01998dd9-28ec-7001-a000-00100000001a	01941f29-7c00-7001-8001-000000000006	2025-09-28 01:04:04.308+00
058f68c5-5810-2cf1-d1f4-64c84656fcac	0199c38d-c3c7-7001-a000-00100000001b	01941f29-7c00-7001-8001-000000000006	2025-10-08 11:21:12.879+00
76527fd9-a05d-0dfe-3b00-23b89d272afe	019a2ef6-f97e-7001-a000-00100000001d	01941f29-7c00-7001-8001-000000000006	2025-10-29 07:55:30.022+00
3b99c3f9-d92c-0c20-8419-c17d90f946ae	019a64ab-9459-7001-a000-00100000001e	01941f29-7c00-7001-8001-000000000006	2025-11-08 18:12:38.593+00
77114548-7df1-fc2e-f551-f550c588bdb3	019a9a60-2f35-7001-a000-00100000001f	01941f29-7c00-7001-8001-000000000006	2025-11-19 04:29:47.165+00
9175e565-17da-b5c0-1ab6-5f3d54760c6c	019ad014-ca10-7001-a000-001000000020	01941f29-7c00-7001-8001-000000000006	2025-11-29 14:46:55.736+00
fee7e3ad-700b-fae4-7b3f-44a459f880fd	019b05c9-64ec-7001-a000-001000000021	01941f29-7c00-7001-8001-000000000006	2025-12-10 01:04:04.308+00
ae600293-ff30-a448-a6e7-96236b9ed40c	019b3b7d-ffc7-7001-a000-001000000022	01941f29-7c00-7001-8001-000000000006	2025-12-20 11:21:12.879+00
452317e8-70d3-a199-20cc-17f209b46b31	019b7132-9aa3-7001-a000-001000000023	01941f29-7c00-7001-8001-000000000006	2025-12-30 21:38:21.451+00
e4fcdcc2-6e55-37a5-91fc-0bba3770460c	01998dd9-28ec-7001-a000-00100000001a	01941f29-7c00-7001-8001-000000000007	2025-09-28 01:04:04.308+00
222c409f-920f-7123-c9f9-e2b2d05d5923	0199c38d-c3c7-7001-a000-00100000001b	01941f29-7c00-7001-8001-000000000007	2025-10-08 11:21:12.879+00
4f1d3012-d904-cc7e-d584-303cbf80f27e	0199f942-5ea3-7001-a000-00100000001c	01941f29-7c00-7001-8001-000000000007	2025-10-18 21:38:21.451+00
5f113201-18b2-4ef0-9d3f-5db040784966	019a2ef6-f97e-7001-a000-00100000001d	01941f29-7c00-7001-8001-000000000007	2025-10-29 07:55:30.022+00
67ac25c1-37d3-a9de-cf6c-de4c13039941	019a64ab-9459-7001-a000-00100000001e	01941f29-7c00-7001-8001-000000000007	2025-11-08 18:12:38.593+00
94a447a4-d397-b3c7-38fb-57793a1ccca7	019a9a60-2f35-7001-a000-00100000001f	01941f29-7c00-7001-8001-000000000007	2025-11-19 04:29:47.165+00
dbb7cf16-36e2-ed83-a33b-a4c4bb5d9bc4	019ad014-ca10-7001-a000-001000000020	01941f29-7c00-7001-8001-000000000007	2025-11-29 14:46:55.736+00
61910582-554a-977c-6249-43485cc5cdf5	019b05c9-64ec-7001-a000-001000000021	01941f29-7c00-7001-8001-000000000007	2025-12-10 01:04:04.308+00
90b3be39-a8c3-55ba-6995-04684011f9ec	019b3b7d-ffc7-7001-a000-001000000022	01941f29-7c00-7001-8001-000000000007	2025-12-20 11:21:12.879+00
d23aea60-00e4-8a07-8a57-c2e9a84a1d33	019b7132-9aa3-7001-a000-001000000023	01941f29-7c00-7001-8001-000000000007	2025-12-30 21:38:21.451+00
2c9bab81-410d-5862-ada0-e46459a85135	01998dd9-28ec-7001-a000-00100000001a	01941f29-7c00-7001-8001-000000000008	2025-09-28 01:04:04.308+00
e69bd27a-fa1f-79c1-0fc6-3221de76b7ab	0199c38d-c3c7-7001-a000-00100000001b	01941f29-7c00-7001-8001-000000000008	2025-10-08 11:21:12.879+00
b75a7d9a-9d0e-cf47-2b70-43d0910f4e56	0199f942-5ea3-7001-a000-00100000001c	01941f29-7c00-7001-8001-000000000008	2025-10-18 21:38:21.451+00
ff3e70c2-57f6-7759-49e8-0708551c90f0	019a2ef6-f97e-7001-a000-00100000001d	01941f29-7c00-7001-8001-000000000008	2025-10-29 07:55:30.022+00
259532bc-1b08-a7af-47cb-3fd89f72d0d7	0199c38d-c3c7-7001-a000-00100000001b	01941f29-7c00-7001-8001-000000000009	2025-10-08 11:21:12.879+00
8f87cc19-3b02-07fc-c796-f34c54f83024	0199f942-5ea3-7001-a000-00100000001c	01941f29-7c00-7001-8001-000000000009	2025-10-18 21:38:21.451+00
7ab93fcf-0301-aed9-86c1-265f82d10a61	019a2ef6-f97e-7001-a000-00100000001d	01941f29-7c00-7001-8001-000000000009	2025-10-29 07:55:30.022+00
4816a150-b31e-455d-b490-e78373afbd7f	019a64ab-9459-7001-a000-00100000001e	01941f29-7c00-7001-8001-000000000009	2025-11-08 18:12:38.593+00
fd2799ce-8ead-c262-e0dc-551b4dc16fc6	019a9a60-2f35-7001-a000-00100000001f	01941f29-7c00-7001-8001-000000000009	2025-11-19 04:29:47.165+00
a154c494-5927-a780-10b5-1fae3c3714d3	019ad014-ca10-7001-a000-001000000020	01941f29-7c00-7001-8001-000000000009	2025-11-29 14:46:55.736+00
21b42157-1534-e843-dbd2-2e844beee5f2	019b05c9-64ec-7001-a000-001000000021	01941f29-7c00-7001-8001-000000000009	2025-12-10 01:04:04.308+00
b006a322-a03c-625a-0d48-e985cfede4da	01998dd9-28ec-7001-a000-00100000001a	01941f29-7c00-7001-8001-00000000000a	2025-09-28 01:04:04.308+00
beeedf9e-06e6-86ed-7864-214c78658a53	0199f942-5ea3-7001-a000-00100000001c	01941f29-7c00-7001-8001-00000000000a	2025-10-18 21:38:21.451+00
0226919e-5a33-0860-5190-5d45c43347fe	019a64ab-9459-7001-a000-00100000001e	01941f29-7c00-7001-8001-00000000000a	2025-11-08 18:12:38.593+00
9f5642c1-f533-80bf-e582-ca5b28c8db5e	019ad014-ca10-7001-a000-001000000020	01941f29-7c00-7001-8001-00000000000a	2025-11-29 14:46:55.736+00
b642a0cf-af7d-edbd-43d0-c7985b133cc8	019b05c9-64ec-7001-a000-001000000021	01941f29-7c00-7001-8001-00000000000a	2025-12-10 01:04:04.308+00
df6bd6f5-ee10-314c-0f7e-d6ca3459434c	019b7132-9aa3-7001-a000-001000000023	01941f29-7c00-7001-8001-00000000000a	2025-12-30 21:38:21.451+00
88cea61d-26f0-416d-9c39-a9a4bc048c58	01998dd9-28ec-7001-a000-00100000001a	01941f29-7c00-7001-8001-00000000000b	2025-09-28 01:04:04.308+00
bc795276-133a-9464-a115-12574ef8bd2e	0199c38d-c3c7-7001-a000-00100000001b	01941f29-7c00-7001-8001-00000000000b	2025-10-08 11:21:12.879+00
20143a80-3b10-f0f6-9df8-e2dcfbc2b9c4	0199f942-5ea3-7001-a000-00100000001c	01941f29-7c00-7001-8001-00000000000b	2025-10-18 21:38:21.451+00
d258eca5-bcfb-6639-54e6-e4fb7bbfb6f5	019a2ef6-f97e-7001-a000-00100000001d	01941f29-7c00-7001-8001-00000000000b	2025-10-29 07:55:30.022+00
7afb20ac-431e-4872-8b46-207e154a2bc5	019a64ab-9459-7001-a000-00100000001e	01941f29-7c00-7001-8001-00000000000b	2025-11-08 18:12:38.593+00
842ccd4d-2499-baab-1b85-b80089564653	019a9a60-2f35-7001-a000-00100000001f	01941f29-7c00-7001-8001-00000000000b	2025-11-19 04:29:47.165+00
c40a86d3-5da2-d14a-e502-6211262bb792	019ad014-ca10-7001-a000-001000000020	01941f29-7c00-7001-8001-00000000000b	2025-11-29 14:46:55.736+00
59763ca4-c08c-ca78-e973-bded3aa2f588	019b05c9-64ec-7001-a000-001000000021	01941f29-7c00-7001-8001-00000000000b	2025-12-10 01:04:04.308+00
4e83f911-239d-9cf9-bd96-25d7da602987	019b3b7d-ffc7-7001-a000-001000000022	01941f29-7c00-7001-8001-00000000000b	2025-12-20 11:21:12.879+00
05ade444-6213-fd27-8b7f-da4941ff4a2b	019b7132-9aa3-7001-a000-001000000023	01941f29-7c00-7001-8001-00000000000b	2025-12-30 21:38:21.451+00
4b5e36ca-44e8-b75e-1a4b-ce47cb072c7f	019711ee-eb38-7001-a000-002000000007	01941f29-7c00-7001-8001-000000000000	2025-05-27 13:29:20.928+00
306b650e-f78f-15b4-e422-72914e8c6885	01978769-fdf8-7001-a000-002000000008	01941f29-7c00-7001-8001-000000000000	2025-06-19 08:59:20.928+00
288deb8e-4056-020e-22d5-7912d0ff9abb	0197fce5-10b8-7001-a000-002000000009	01941f29-7c00-7001-8001-000000000000	2025-07-12 04:29:20.928+00
b2778073-0b05-bdb3-b32f-2dcfaa896a2b	01987260-2378-7001-a000-00200000000a	01941f29-7c00-7001-8001-000000000000	2025-08-03 23:59:20.928+00
32924f71-ea95-89e9-9b6c-164f9c940cdc	0198e7db-3638-7001-a000-00200000000b	01941f29-7c00-7001-8001-000000000000	2025-08-26 19:29:20.928+00
0b27b38a-4c9e-9396-0d62-e3e3cc57345c	01995d56-48f8-7001-a000-00200000000c	01941f29-7c00-7001-8001-000000000000	2025-09-18 14:59:20.928+00
b439ba64-3ed0-0624-4bac-7679f1abe522	0199d2d1-5bb8-7001-a000-00200000000d	01941f29-7c00-7001-8001-000000000000	2025-10-11 10:29:20.928+00
7a8bb3c2-0208-5266-7afd-81c39e30ab65	019a484c-6e78-7001-a000-00200000000e	01941f29-7c00-7001-8001-000000000000	2025-11-03 05:59:20.928+00
19b42bdb-5f41-904e-5dd1-5257bcd01dce	019abdc7-8138-7001-a000-00200000000f	01941f29-7c00-7001-8001-000000000000	2025-11-26 01:29:20.928+00
034074b6-c4b1-3736-ee8b-4aa648c36a0c	019b3342-93f8-7001-a000-002000000010	01941f29-7c00-7001-8001-000000000000	2025-12-18 20:59:20.928+00
41124f97-eeec-cea3-3713-4c0aef6be5ff	019711ee-eb38-7001-a000-002000000007	01941f29-7c00-7001-8001-000000000001	2025-05-27 13:29:20.928+00
38e97d57-1452-ddcf-614a-59b2b1189017	01978769-fdf8-7001-a000-002000000008	01941f29-7c00-7001-8001-000000000001	2025-06-19 08:59:20.928+00
f589e013-1a90-a617-0a53-f7e8f973950e	0197fce5-10b8-7001-a000-002000000009	01941f29-7c00-7001-8001-000000000001	2025-07-12 04:29:20.928+00
a3b90cb2-10ef-2840-33d8-00846dbe4a7c	01987260-2378-7001-a000-00200000000a	01941f29-7c00-7001-8001-000000000001	2025-08-03 23:59:20.928+00
d8522531-f981-c94d-5a61-84cea45ab1ab	0197fce5-10b8-7001-a000-002000000009	01941f29-7c00-7001-8001-000000000003	2025-07-12 04:29:20.928+00
59e8972b-a46d-ab3d-2bb3-4c0c6f65e2d6	01987260-2378-7001-a000-00200000000a	01941f29-7c00-7001-8001-000000000003	2025-08-03 23:59:20.928+00
c1ed102d-1c9a-b402-f272-adfabe35c38f	0198e7db-3638-7001-a000-00200000000b	01941f29-7c00-7001-8001-000000000003	2025-08-26 19:29:20.928+00
ef74d272-826f-5fb5-2ea3-63c8c0f5857b	01995d56-48f8-7001-a000-00200000000c	01941f29-7c00-7001-8001-000000000003	2025-09-18 14:59:20.928+00
d4c67e97-a1ac-93b1-1487-39e9be2995d6	0199d2d1-5bb8-7001-a000-00200000000d	01941f29-7c00-7001-8001-000000000003	2025-10-11 10:29:20.928+00
2b53ccbc-af22-b0f7-9acc-623c1b7678d4	019abdc7-8138-7001-a000-00200000000f	01941f29-7c00-7001-8001-000000000003	2025-11-26 01:29:20.928+00
85290d34-9795-9733-721e-e5e9efbc2e4b	019711ee-eb38-7001-a000-002000000007	01941f29-7c00-7001-8001-000000000008	2025-05-27 13:29:20.928+00
9ca2459f-d718-2258-9744-1239e2552ae2	01978769-fdf8-7001-a000-002000000008	01941f29-7c00-7001-8001-000000000008	2025-06-19 08:59:20.928+00
129aceda-07a9-63ca-535d-584498c31889	0197fce5-10b8-7001-a000-002000000009	01941f29-7c00-7001-8001-000000000008	2025-07-12 04:29:20.928+00
b32145be-99bc-ceeb-109e-14cdc3a41489	01987260-2378-7001-a000-00200000000a	01941f29-7c00-7001-8001-000000000008	2025-08-03 23:59:20.928+00
cf6ac47e-c2e9-ac09-48f5-7bec9cb97f7d	0198e7db-3638-7001-a000-00200000000b	01941f29-7c00-7001-8001-000000000008	2025-08-26 19:29:20.928+00
f62d031c-3b83-3838-f6c9-8f549a9db869	01995d56-48f8-7001-a000-00200000000c	01941f29-7c00-7001-8001-000000000008	2025-09-18 14:59:20.928+00
c13322e1-6805-5ef8-46b2-996a38514479	0199d2d1-5bb8-7001-a000-00200000000d	01941f29-7c00-7001-8001-000000000008	2025-10-11 10:29:20.928+00
0981c3dc-4a47-c6f7-d8ad-4da13aae19d0	019a484c-6e78-7001-a000-00200000000e	01941f29-7c00-7001-8001-000000000008	2025-11-03 05:59:20.928+00
4dcd1579-d67a-38cb-692c-bae3e852b850	019abdc7-8138-7001-a000-00200000000f	01941f29-7c00-7001-8001-000000000008	2025-11-26 01:29:20.928+00
5c354d00-45a7-1c84-6298-7881cc4397e6	019b3342-93f8-7001-a000-002000000010	01941f29-7c00-7001-8001-000000000008	2025-12-18 20:59:20.928+00
a8382db8-815c-2ace-a16c-4a96a8ea5cd6	019711ee-eb38-7001-a000-002000000007	01941f29-7c00-7001-8001-00000000000a	2025-05-27 13:29:20.928+00
16753352-6000-a6fe-8c7f-ce594d54ddc3	01978769-fdf8-7001-a000-002000000008	01941f29-7c00-7001-8001-00000000000a	2025-06-19 08:59:20.928+00
093fd4b2-f728-f79d-a16c-967ea50a6131	01995d56-48f8-7001-a000-00200000000c	01941f29-7c00-7001-8001-00000000000a	2025-09-18 14:59:20.928+00
31605ed0-5ade-6d84-d6f4-4846a23673c7	019a484c-6e78-7001-a000-00200000000e	01941f29-7c00-7001-8001-00000000000a	2025-11-03 05:59:20.928+00
c36aeb0b-311d-f579-bc46-c85ee86f04cf	019abdc7-8138-7001-a000-00200000000f	01941f29-7c00-7001-8001-00000000000a	2025-11-26 01:29:20.928+00
a0e9c7ae-0a23-44ad-0130-30e5f911782d	019b3342-93f8-7001-a000-002000000010	01941f29-7c00-7001-8001-00000000000a	2025-12-18 20:59:20.928+00
925b49d4-f26c-7e6d-f5dc-3cd6da1e9d3f	01947ca4-9069-7001-a000-003000000001	01941f29-7c00-7001-8001-000000000000	2025-01-19 03:39:08.241+00
2624ab02-818f-0186-75f7-b6611a9e51a6	0195389c-ae69-7001-a000-003000000002	01941f29-7c00-7001-8001-000000000000	2025-02-24 15:39:08.241+00
e031bf29-97b4-d8bd-9995-ab10d9fa0c49	0195f494-cc69-7001-a000-003000000003	01941f29-7c00-7001-8001-000000000000	2025-04-02 03:39:08.241+00
78b39dac-a4eb-8be8-a614-763cff242210	0196b08c-ea69-7001-a000-003000000004	01941f29-7c00-7001-8001-000000000000	2025-05-08 15:39:08.241+00
ddf177e2-3d21-a23a-fe7e-b4806c5ba644	01976c85-0869-7001-a000-003000000005	01941f29-7c00-7001-8001-000000000000	2025-06-14 03:39:08.241+00
e0fc98ec-9641-8003-4c97-00366ed187ee	0198287d-2669-7001-a000-003000000006	01941f29-7c00-7001-8001-000000000000	2025-07-20 15:39:08.241+00
acb9159d-5730-20b7-7a22-9afddf926509	0198e475-4469-7001-a000-003000000007	01941f29-7c00-7001-8001-000000000000	2025-08-26 03:39:08.241+00
3822c388-0042-f65d-7e8d-a75cc9c7cea5	0199a06d-6269-7001-a000-003000000008	01941f29-7c00-7001-8001-000000000000	2025-10-01 15:39:08.241+00
b9c7f8d1-e1f3-79e8-17c8-e956c1a68825	019a5c65-8069-7001-a000-003000000009	01941f29-7c00-7001-8001-000000000000	2025-11-07 03:39:08.241+00
a7d8ac82-2fdb-16c3-c271-47ba6af67a9b	019b185d-9e69-7001-a000-00300000000a	01941f29-7c00-7001-8001-000000000000	2025-12-13 15:39:08.241+00
555994bf-356c-7cc8-5cd4-fa4d3607b676	01976c85-0869-7001-a000-003000000005	01941f29-7c00-7001-8001-000000000009	2025-06-14 03:39:08.241+00
d8aee53c-f158-5538-6e0f-c60bd0af7c55	0198287d-2669-7001-a000-003000000006	01941f29-7c00-7001-8001-000000000009	2025-07-20 15:39:08.241+00
ad110c9e-1529-1ec5-70a7-eb51ba987c39	0198e475-4469-7001-a000-003000000007	01941f29-7c00-7001-8001-000000000009	2025-08-26 03:39:08.241+00
a64140ca-4c75-59b5-eb66-f10a4489dbd2	019a5c65-8069-7001-a000-003000000009	01941f29-7c00-7001-8001-000000000009	2025-11-07 03:39:08.241+00
b4d3838d-9809-61bb-9dc8-fbb201145b58	01947ca4-9069-7001-a000-003000000001	01941f29-7c00-7001-8001-00000000000a	2025-01-19 03:39:08.241+00
767834ea-6eea-d03a-9273-babe13418980	01947ca4-9069-7001-a000-003000000001	01941f29-7c00-7001-8001-00000000000b	2025-01-19 03:39:08.241+00
9c5d875c-33c4-fff4-ced6-668b952985dc	0195389c-ae69-7001-a000-003000000002	01941f29-7c00-7001-8001-00000000000b	2025-02-24 15:39:08.241+00
8e8dc911-9b8f-a691-a8bb-5a5738d8cbe0	0195f494-cc69-7001-a000-003000000003	01941f29-7c00-7001-8001-00000000000b	2025-04-02 03:39:08.241+00
3c1704c5-857c-a562-579b-5f8c4139bdcb	0196b08c-ea69-7001-a000-003000000004	01941f29-7c00-7001-8001-00000000000b	2025-05-08 15:39:08.241+00
f1516b8d-5341-17d1-0bad-10f0ddf8c37a	01976c85-0869-7001-a000-003000000005	01941f29-7c00-7001-8001-00000000000b	2025-06-14 03:39:08.241+00
9816046c-f294-e9ac-1c22-234a1ba25530	0198287d-2669-7001-a000-003000000006	01941f29-7c00-7001-8001-00000000000b	2025-07-20 15:39:08.241+00
09df22ef-4b61-a7d2-2d53-db84c32f4f23	0198e475-4469-7001-a000-003000000007	01941f29-7c00-7001-8001-00000000000b	2025-08-26 03:39:08.241+00
a4988785-0c40-4b06-aa32-9f51bca20afa	0199a06d-6269-7001-a000-003000000008	01941f29-7c00-7001-8001-00000000000b	2025-10-01 15:39:08.241+00
3a07c3f2-8b80-0b88-8f5d-5cd36d7e6cc8	019a5c65-8069-7001-a000-003000000009	01941f29-7c00-7001-8001-00000000000b	2025-11-07 03:39:08.241+00
de983a7b-833c-cbdc-4688-f394f9955a94	019b185d-9e69-7001-a000-00300000000a	01941f29-7c00-7001-8001-00000000000b	2025-12-13 15:39:08.241+00
58abe09d-9bd3-879e-1d2a-6b8b7754086b	019604b2-4c90-7001-a000-004000000003	01941f29-7c00-7001-8001-000000000000	2025-04-05 06:45:17.048+00
2ad3c206-f507-4f10-cbbd-2b25f04f2423	019a9b81-0810-7001-a000-004000000008	01941f29-7c00-7001-8001-000000000000	2025-11-19 09:45:17.048+00
a2b75f13-3532-de65-e938-718814f96ecb	01942ec6-0190-7001-a000-004000000001	01941f29-7c00-7001-8001-000000000005	2025-01-04 00:45:17.048+00
fa90cb2d-99bd-fe16-6c39-0cca8117452e	019519bc-2710-7001-a000-004000000002	01941f29-7c00-7001-8001-000000000005	2025-02-18 15:45:17.048+00
a9324a3f-de45-3d22-be4d-d033eda32898	0196efa8-7210-7001-a000-004000000004	01941f29-7c00-7001-8001-000000000005	2025-05-20 21:45:17.048+00
01430c57-c5ac-3b58-981d-7c5a82a25153	0197da9e-9790-7001-a000-004000000005	01941f29-7c00-7001-8001-000000000005	2025-07-05 12:45:17.048+00
1c347617-9ad9-d81b-84e9-a45200bcb45d	0198c594-bd10-7001-a000-004000000006	01941f29-7c00-7001-8001-000000000005	2025-08-20 03:45:17.048+00
e832c1bd-737e-b3e4-26ba-1e97887e9dac	0199b08a-e290-7001-a000-004000000007	01941f29-7c00-7001-8001-000000000005	2025-10-04 18:45:17.048+00
9b91e98a-d71d-669e-4679-595bf19c730f	01942ec6-0190-7001-a000-004000000001	01941f29-7c00-7001-8001-00000000000a	2025-01-04 00:45:17.048+00
4de85e14-7920-9004-61d3-5b9d2ce25ced	019519bc-2710-7001-a000-004000000002	01941f29-7c00-7001-8001-00000000000a	2025-02-18 15:45:17.048+00
66a8437f-5098-0820-4fd9-03bebdcb159c	019604b2-4c90-7001-a000-004000000003	01941f29-7c00-7001-8001-00000000000a	2025-04-05 06:45:17.048+00
c5ecb774-6519-2524-d1fb-8e2e5b41a2e7	0196efa8-7210-7001-a000-004000000004	01941f29-7c00-7001-8001-00000000000a	2025-05-20 21:45:17.048+00
bb4f00d9-9c88-030a-f42a-2327d19dfd03	0197da9e-9790-7001-a000-004000000005	01941f29-7c00-7001-8001-00000000000a	2025-07-05 12:45:17.048+00
85416d81-2b10-6557-4dd1-2c9c03f4775c	0198c594-bd10-7001-a000-004000000006	01941f29-7c00-7001-8001-00000000000a	2025-08-20 03:45:17.048+00
6dd48a1b-ec41-6636-fe0b-85f7ceb2c4d0	0199b08a-e290-7001-a000-004000000007	01941f29-7c00-7001-8001-00000000000a	2025-10-04 18:45:17.048+00
43fca852-6ec6-405f-a4bd-4125e37323e5	019a9b81-0810-7001-a000-004000000008	01941f29-7c00-7001-8001-00000000000a	2025-11-19 09:45:17.048+00
32f8654f-8aa8-b64c-b99d-6737be395590	0197aba4-b7be-7001-a000-005000000003	01941f29-7c00-7001-8001-000000000000	2025-06-26 09:49:49.35+00
ecc518d7-0cdb-7374-813f-deb0baa31f3a	019a1e35-1bbe-7001-a000-005000000005	01941f29-7c00-7001-8001-000000000000	2025-10-26 01:49:49.35+00
f8179162-a9ee-142a-f919-23281d1e76b2	01953914-53be-7001-a000-005000000001	01941f29-7c00-7001-8001-000000000007	2025-02-24 17:49:49.35+00
e7c1df88-6609-6585-0446-31bd806db03a	0196725c-85be-7001-a000-005000000002	01941f29-7c00-7001-8001-000000000007	2025-04-26 13:49:49.35+00
20ac6628-338b-18b7-595f-fa35f0a3d313	0198e4ec-e9be-7001-a000-005000000004	01941f29-7c00-7001-8001-000000000007	2025-08-26 05:49:49.35+00
a85b43c6-496d-2321-99d9-892584dd9265	01949c5d-a9d5-7001-a000-006000000001	01941f29-7c00-7001-8001-000000000000	2025-01-25 07:29:32.605+00
ee223c02-3229-6047-d897-0e07404932b9	01978c3e-21d5-7001-a000-006000000003	01941f29-7c00-7001-8001-000000000000	2025-06-20 07:29:32.605+00
8da5c26e-38e8-4ff6-71c5-bffecc3dffdb	0196144d-e5d5-7001-a000-006000000002	01941f29-7c00-7001-8001-000000000001	2025-04-08 07:29:32.605+00
016de036-8e5d-6989-bbc8-a05ced0f2f0d	0199042e-5dd5-7001-a000-006000000004	01941f29-7c00-7001-8001-000000000001	2025-09-01 07:29:32.605+00
bf093026-43bf-b7bc-c97b-5666bbb40db9	019a7c1e-99d5-7001-a000-006000000005	01941f29-7c00-7001-8001-000000000001	2025-11-13 07:29:32.605+00
\.


--
-- Data for Name: messages; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.messages (message_id, user_id, room_id, message_text, created_at, edited_at, is_deleted, seq, change_seq, client_id, client_hash, reply_to) FROM stdin;
01942ec6-0190-7001-a000-004000000001	01941f29-7c00-7001-8001-000000000000	01941f29-7c00-7001-8002-000000000004	re the numbers. Could you send me the address once more? I will	2025-01-04 00:45:16.048+00	\N	f	4	4	4-1	\\x5f1179de33b0b32109a9ad7720b433fce20d1b211fd1676b404c6ea175c3704e	\N
01944f36-097e-7001-a000-001000000001	01941f29-7c00-7001-8001-000000000007	01941f29-7c00-7001-8002-000000000001	es yet, but everyone agreed that the second draft is better than the fi	2025-01-10 07:55:29.022+00	\N	f	13	13	1-1	\\x53ac3ce96458ca9b1fc12729d213e65d3206f5aad76eaa7ada2876559a25a267	\N
0194510c-7ab8-7001-a000-002000000001	01941f29-7c00-7001-8001-000000000003	01941f29-7c00-7001-8002-000000000002	alked about the plan for next week. N	2025-01-10 16:29:19.928+00	\N	f	7	7	2-1	\\xa28a4cd7af58eea466cbfa54cac17a4cbf3916b26120df6d180e77e89095f4f5	\N
01947ca4-9069-7001-a000-003000000001	01941f29-7c00-7001-8001-000000000009	01941f29-7c00-7001-8002-000000000003	 first, and that the pictures should come before th	2025-01-19 03:39:07.241+00	\N	f	5	5	3-1	\\x72ef968f453569e6af5f9845304603d5f31c8698f9b8a858bf1d6f852fe871d2	\N
019484ea-a459-7001-a000-001000000002	01941f29-7c00-7001-8001-000000000003	01941f29-7c00-7001-8002-000000000001	The train was late again, so we walked along the river and talked about the plan for next week. Nobody had re	2025-01-20 18:12:37.593+00	\N	f	14	14	1-2	\\xf99575fe89ca8405e21bb6a5bae6441f8383ca9c02c56f390e6c2c043995a886	\N
01949c5d-a9d5-7001-a000-006000000001	01941f29-7c00-7001-8001-000000000001	01941f29-7c00-7001-8002-000000000006	as late again, so we walke	2025-01-25 07:29:31.605+00	\N	f	3	3	6-1	\\xdc02852cf78e0a617c8b965bc48ecb76b36bc851c6dec04dd99301f1900ce92f	\N
0194ba9f-3f35-7001-a000-001000000003	01941f29-7c00-7001-8001-00000000000a	01941f29-7c00-7001-8002-000000000001	re the numbers. Could you send me the address once more? I will bring bread, cheese, and the good coffee; Robin brings the maps and a	2025-01-31 04:29:46.165+00	\N	f	15	15	1-3	\\x9023b21c76219bd81fe1d4136b201ec916e113ebab0cf44cf8a7994fe3288e87	\N
0194c687-8d78-7001-a000-002000000002	01941f29-7c00-7001-8001-00000000000a	01941f29-7c00-7001-8002-000000000002	The train was late again, so we walked along the river and talked abou	2025-02-02 11:59:19.928+00	\N	f	8	8	2-2	\\x24049dd0e6235b85216dea6885f4ae9dd398b2584caac753320e1af31ac3a22a	\N
0194f053-da10-7001-a000-001000000004	01941f29-7c00-7001-8001-000000000001	01941f29-7c00-7001-8002-000000000001	 everyone agreed that the second draft is better th	2025-02-10 14:46:54.736+00	\N	f	16	16	1-4	\\x768fcb61a5d049cc538ee4663daf5235bd498d5a2212e633a8ffcb94be1cd4ae	\N
019519bc-2710-7001-a000-004000000002	01941f29-7c00-7001-8001-000000000000	01941f29-7c00-7001-8002-000000000004	alked along the river and talked about the plan for next week. Nobody had read the notes yet, 	2025-02-18 15:45:16.048+00	\N	f	5	5	4-2	\\x43a8de96be472497388d6e3ed54149ec3b2ba40caaa3224986b61dc00e27c304	\N
01952608-74ec-7001-a000-001000000005	01941f29-7c00-7001-8001-00000000000a	01941f29-7c00-7001-8002-000000000001	first, and that the pictures should come before the numbers. Could you send me the address once more? I will bring bread, chee	2025-02-21 01:04:03.308+00	\N	f	17	17	1-5	\\xa49ab6e5cf1dee72662ecb97bf9239688bc1fa7b837ee1a4b0631e94f2d94a83	01944f36-097e-7001-a000-001000000001
0195389c-ae69-7001-a000-003000000002	01941f29-7c00-7001-8001-000000000009	01941f29-7c00-7001-8002-000000000003	he numbers. Could you send me the address 	2025-02-24 15:39:07.241+00	\N	f	6	6	3-2	\\x14bb847f11d703b04ecb18270be2af5dc79ebeca106d8fa90e2a77e3752a05fc	\N
01953914-53be-7001-a000-005000000001	01941f29-7c00-7001-8001-000000000000	01941f29-7c00-7001-8002-000000000005	d that the second draft is better than the first, and that the pictures should come before the numbers. Could y	2025-02-24 17:49:48.35+00	\N	f	3	3	5-1	\\x024c70585fa898902f7766a4bf1eb2f880eaff902675a1720503ae4114fe7387	\N
01953c02-a038-7001-a000-002000000003	01941f29-7c00-7001-8001-000000000008	01941f29-7c00-7001-8002-000000000002	the plan for next week. Nobody had 	2025-02-25 07:29:19.928+00	\N	f	9	9	2-3	\\x8368828c26cbca57e31fce2af6b63cb79a07cdf27de7d1a945d4cc878c83a469	\N
01955bbd-0fc7-7001-a000-001000000006	01941f29-7c00-7001-8001-00000000000a	01941f29-7c00-7001-8002-000000000001	e again, so we walked along the river and talked about the plan for next week. Nobody had read the no	2025-03-03 11:21:11.879+00	\N	f	18	18	1-6	\\x766846ddbffda860619add316bf60679f3c90f5fb1c518f8500d82a456a707f0	\N
01959171-aaa3-7001-a000-001000000007	01941f29-7c00-7001-8001-00000000000a	01941f29-7c00-7001-8002-000000000001	 come before the numbers. Could you send me the address once more? I will bring bread, cheese, and the good coffee; Robin brings th	2025-03-13 21:38:20.451+00	\N	f	19	19	1-7	\\x26461b964aa780297498d8ad5470749ed7c3a23bb9cb92b9aac71a4e5ec2b0e4	\N
0195b17d-b2f8-7001-a000-002000000004	01941f29-7c00-7001-8001-000000000003	01941f29-7c00-7001-8002-000000000002	than the first, and that the pictures should come before the numbers. Cou	2025-03-20 02:59:19.928+00	\N	f	10	10	2-4	\\xcc319e10407c1799fcb309c085b627282a7ebcc3a7fb5ce1a099ee00d141cff1	\N
0195c726-457e-7001-a000-001000000008	01941f29-7c00-7001-8001-000000000002	01941f29-7c00-7001-8002-000000000001	t everyone agreed that the second draft is better than the	2025-03-24 07:55:29.022+00	\N	f	20	20	1-8	\\xbe7641a308bde7a0c7665402fc84644841e6705b5f0ff8eb1d87c1c96f0b02c8	\N
0195f494-cc69-7001-a000-003000000003	01941f29-7c00-7001-8001-000000000009	01941f29-7c00-7001-8002-000000000003	ed that the second draft is better	2025-04-02 03:39:07.241+00	\N	f	7	7	3-3	\\xf0208daa1914190201b6cfcbc8d6efdf46aed3ec043ac280b9db19354978531d	\N
0195fcda-e059-7001-a000-001000000009	01941f29-7c00-7001-8001-000000000004	01941f29-7c00-7001-8002-000000000001	in was late again, so we walked along the river and talked about the plan for next week. Nobody had read the notes 	2025-04-03 18:12:37.593+00	\N	f	21	21	1-9	\\xdc76eeefd83d8bd866eb0282ed44d3935169f14f58cdd495fa0c56da2ea77be9	\N
019604b2-4c90-7001-a000-004000000003	01941f29-7c00-7001-8001-000000000005	01941f29-7c00-7001-8002-000000000004	nd that the pictures should come before the numbers. Could you send me the address once more? I will br	2025-04-05 06:45:16.048+00	\N	f	6	6	4-3	\\x9471852534612fa394920f468d5c53ea4319e2da04848f936a9c1d8f971bca23	\N
0196144d-e5d5-7001-a000-006000000002	01941f29-7c00-7001-8001-000000000000	01941f29-7c00-7001-8002-000000000006	uld you send me the address once more? I wil	2025-04-08 07:29:31.605+00	\N	f	4	4	6-2	\\xf48d43722f3c33e586d8aaf1dcc4500fba3d7be649843e99deed6404c2e7ca8b	\N
019626f8-c5b8-7001-a000-002000000005	01941f29-7c00-7001-8001-000000000005	01941f29-7c00-7001-8002-000000000002	an for next week. Nobody had read the notes yet, but everyone agreed that the	2025-04-11 22:29:19.928+00	\N	f	11	11	2-5	\\x663987582be41ece4cfe1434f367f3a62d90f740cee4e5fe6dc3d0961dc06ca6	\N
0196328f-7b35-7001-a000-00100000000a	01941f29-7c00-7001-8001-000000000008	01941f29-7c00-7001-8002-000000000001	r next week. Nobody had read th	2025-04-14 04:29:46.165+00	\N	f	22	22	1-10	\\x03b6d2067ad0336b041ff42134bd4b9dd18dfa81431abce48486604ff08ca151	\N
01966844-1610-7001-a000-00100000000b	01941f29-7c00-7001-8001-00000000000a	01941f29-7c00-7001-8002-000000000001	 so we walked along the river and talked about the plan for next week. Nobody had read the notes ye	2025-04-24 14:46:54.736+00	\N	f	23	23	1-11	\\xad14587737871bfd8ca20ba2fd0528a16d81a713c888844f4bce2b74236938f4	0194f053-da10-7001-a000-001000000004
0196725c-85be-7001-a000-005000000002	01941f29-7c00-7001-8001-000000000000	01941f29-7c00-7001-8002-000000000005	ft is better than the first, and t	2025-04-26 13:49:48.35+00	\N	f	4	4	5-2	\\x821498ccbbf2905c76dfc88ad0a05dbd2d35dd2a66903d467ae8141e007e5890	\N
01969c73-d878-7001-a000-002000000006	01941f29-7c00-7001-8001-000000000008	01941f29-7c00-7001-8002-000000000002	n, so we w	2025-05-04 17:59:19.928+00	2025-05-04 18:00:19.928+00	f	12	13	2-6	\\x60e024299d61a9590974857845d0343c1e3307e1a5026cf527d8ead9b853049b	\N
01969df8-b0ec-7001-a000-00100000000c	01941f29-7c00-7001-8001-000000000008	01941f29-7c00-7001-8002-000000000001	raft is better th	2025-05-05 01:04:03.308+00	\N	f	24	24	1-12	\\x7ffc202491fe3f26600afefe38806c7d104ae2f735e83f2d556d4a4fb5dbe941	\N
0196b08c-ea69-7001-a000-003000000004	01941f29-7c00-7001-8001-000000000009	01941f29-7c00-7001-8002-000000000003	ked about the plan for next week. Nobody 	2025-05-08 15:39:07.241+00	\N	f	8	8	3-4	\\xcd1fba96f3c7437f7755899ff028482793de19e2a70e1e0cd034992c5992e399	\N
0196d3ad-4bc7-7001-a000-00100000000d	01941f29-7c00-7001-8001-000000000008	01941f29-7c00-7001-8002-000000000001	the numbers. Could you send me the addr	2025-05-15 11:21:11.879+00	\N	f	25	25	1-13	\\xd0b3bdfa031e941c06b56fb04572e35e99de99d785acf4a0bf2a2218eb38d469	\N
0196efa8-7210-7001-a000-004000000004	01941f29-7c00-7001-8001-000000000000	01941f29-7c00-7001-8002-000000000004	come before the numbers. Could you send me the add	2025-05-20 21:45:16.048+00	\N	f	7	7	4-4	\\x3d34e146e23f32d0b79b0edee61ac61b9a5518d3862e0d3fd24f8421b1a06463	019604b2-4c90-7001-a000-004000000003
01970961-e6a3-7001-a000-00100000000e	01941f29-7c00-7001-8001-000000000006	01941f29-7c00-7001-8002-000000000001	aft is better than the first, and that the pictures should come before the numbers. Could you send me the address on	2025-05-25 21:38:20.451+00	\N	f	26	26	1-14	\\xe62ed19523bbc92419e8b3ccfec6b31bbd31dffe3efb73a7c28ebd0c71b87600	\N
019711ee-eb38-7001-a000-002000000007	01941f29-7c00-7001-8001-000000000003	01941f29-7c00-7001-8002-000000000002	ate again, so we walked 	2025-05-27 13:29:19.928+00	\N	f	14	14	2-7	\\xa0fc1a2b49ed1df4ef52cd10699a385b3412501e8f73218fb8b1fe7924c5af28	\N
01973f16-817e-7001-a000-00100000000f	01941f29-7c00-7001-8001-000000000008	01941f29-7c00-7001-8002-000000000001	dy had read the notes yet, but everyone agreed that the second draft is better than the first, and that the pictures should come before	2025-06-05 07:55:29.022+00	\N	f	27	27	1-15	\\x14736f7356a027f83d6f815dce973d409ffe795b286a42ad87114966c295a0cb	\N
01976c85-0869-7001-a000-003000000005	01941f29-7c00-7001-8001-00000000000a	01941f29-7c00-7001-8002-000000000003	, so we walke	2025-06-14 03:39:07.241+00	\N	f	9	9	3-5	\\x53e57afedccb2a024065d72da93bd6c02bdafbcee8d5bbd1967cfe7d98213993	\N
019774cb-1c59-7001-a000-001000000010	01941f29-7c00-7001-8001-000000000004	01941f29-7c00-7001-8002-000000000001	 Could you send me the address once more? I will bring 	2025-06-15 18:12:37.593+00	\N	f	28	28	1-16	\\x7683eb0dcd083661b58e39f69710a00b540862b801a1827b4ad67a8df3afa7d5	\N
01978769-fdf8-7001-a000-002000000008	01941f29-7c00-7001-8001-000000000003	01941f29-7c00-7001-8002-000000000002	lked along the river and 	2025-06-19 08:59:19.928+00	\N	f	15	15	2-8	\\x39d96576a6e191b81136429189cdb3b9ffa0a1d67c894bbde37cc4038dc74ec1	\N
01978c3e-21d5-7001-a000-006000000003	01941f29-7c00-7001-8001-000000000001	01941f29-7c00-7001-8002-000000000006	plan for next week. Nobody had read the notes yet, but everyone agreed that the second draft is better than the f	2025-06-20 07:29:31.605+00	\N	f	5	5	6-3	\\xcb4979dd8c9aa93689e491c0575b04be2c78534fad9a42302ae3b23bbdf6cfe7	\N
0197aa7f-b735-7001-a000-001000000011	01941f29-7c00-7001-8001-00000000000a	01941f29-7c00-7001-8002-000000000001	for next week. Nobody had read the notes yet, but everyone agreed that the second draft is better than the first, and t	2025-06-26 04:29:46.165+00	\N	f	29	29	1-17	\\x9f24e741811b58508ba62b61e25c4da172461a591d87965348a2d8999442b6aa	\N
0197aba4-b7be-7001-a000-005000000003	01941f29-7c00-7001-8001-000000000007	01941f29-7c00-7001-8002-000000000005	than the first, and that the pictures should come before the numbers. Could you send me the address once more? 	2025-06-26 09:49:48.35+00	\N	f	5	5	5-3	\\x5ebfcc4439f27e6955033dc6083bcb6fe3d04dfd1489c1ea665c6f563459608a	\N
0197da9e-9790-7001-a000-004000000005	01941f29-7c00-7001-8001-000000000000	01941f29-7c00-7001-8002-000000000004	week. Nobody had read the not	2025-07-05 12:45:16.048+00	\N	f	8	8	4-5	\\x589219634a777695439bd3198ff3f705387f0a0b9fe00350a4ca93e2d4b0328b	\N
0197e034-5210-7001-a000-001000000012	01941f29-7c00-7001-8001-000000000003	01941f29-7c00-7001-8002-000000000001	e pictures should come befor	2025-07-06 14:46:54.736+00	2025-07-06 14:47:54.736+00	f	30	31	1-18	\\xeb1ecd30988df76a9e3b53db40a6b45570525ce569e8915bca3acacf55dd8ff0	\N
0197fce5-10b8-7001-a000-002000000009	01941f29-7c00-7001-8001-00000000000a	01941f29-7c00-7001-8002-000000000002	yet, but everyone agreed that the second draft is better than the first, and that the pictures should come before the numb	2025-07-12 04:29:19.928+00	\N	f	16	16	2-9	\\x37ac80209428334086ba5b3e6c4297124c7e45801d5eed57b988b6f137b81305	\N
019815e8-ecec-7001-a000-001000000013	01941f29-7c00-7001-8001-00000000000a	01941f29-7c00-7001-8002-000000000001	n the first, and that the pictures should come before the n	2025-07-17 01:04:03.308+00	\N	f	32	32	1-19	\\xae16d9ce35b7875eba20be20fbff7420882d4c8da9de8d45eff506d452034b00	\N
0198287d-2669-7001-a000-003000000006	01941f29-7c00-7001-8001-00000000000a	01941f29-7c00-7001-8002-000000000003	d that the second draft is better th	2025-07-20 15:39:07.241+00	\N	f	10	10	3-6	\\x84eee33a28090be85acc2b2333f54165fa7e8816eebd38fd3e09b2f38f088aeb	\N
01984b9d-87c7-7001-a000-001000000014	01941f29-7c00-7001-8001-000000000009	01941f29-7c00-7001-8002-000000000001	ead the notes yet, but everyone agreed that the second draft is better than the first, and that th	2025-07-27 11:21:11.879+00	\N	f	33	33	1-20	\\x2546edaa17c56f939eaedc86577c7ab471b3836698da5181773a96ec20adbbb8	\N
01987260-2378-7001-a000-00200000000a	01941f29-7c00-7001-8001-00000000000a	01941f29-7c00-7001-8002-000000000002	d talked about the plan for next week. Nobody had read t	2025-08-03 23:59:19.928+00	\N	f	17	17	2-10	\\x3b2cb0ba0c96805173f74cbfafefffbc94da59004c51bfd14db0a831a6fb8221	\N
01988152-22a3-7001-a000-001000000015	01941f29-7c00-7001-8001-000000000001	01941f29-7c00-7001-8002-000000000001	ft is better than the first, and that the pi	2025-08-06 21:38:20.451+00	\N	f	34	34	1-21	\\xa8c7a1ccf6d5334228e70cc8e255920bc5f9491e4f42f376eee7b585b12c7444	\N
0198b706-bd7e-7001-a000-001000000016	01941f29-7c00-7001-8001-000000000008	01941f29-7c00-7001-8002-000000000001	. Could you send me 	2025-08-17 07:55:29.022+00	\N	f	35	35	1-22	\\x9940b3bf3ab86cae2336bcb7aad07834b88501bb1dd76b2501b06a4eae74144c	\N
0198c594-bd10-7001-a000-004000000006	01941f29-7c00-7001-8001-000000000000	01941f29-7c00-7001-8002-000000000004	 late again, so we walked along the river and talked about the plan for next week. Nobody ha	2025-08-20 03:45:16.048+00	\N	f	9	9	4-6	\\xd612dc17e1707493f4d729b56184dc855bbf88e758e40aaec3995e69b0047a13	\N
0198e475-4469-7001-a000-003000000007	01941f29-7c00-7001-8001-00000000000a	01941f29-7c00-7001-8002-000000000003	e the numbers. Could you send me the address once more? I will bring bread, cheese, and the good coffee; Robin brings 	2025-08-26 03:39:07.241+00	\N	f	11	11	3-7	\\x2070cddd5ee37a9430fb10604417758f45ad287e831cccd733a7402d5fe8a9d2	\N
0198e4ec-e9be-7001-a000-005000000004	01941f29-7c00-7001-8001-000000000000	01941f29-7c00-7001-8002-000000000005	e pictures 	2025-08-26 05:49:48.35+00	\N	f	6	6	5-4	\\xa07c379c666546743d74cc4973c99405fe2e02a499ff4cf3e833e21911f67be0	\N
0198e7db-3638-7001-a000-00200000000b	01941f29-7c00-7001-8001-00000000000a	01941f29-7c00-7001-8002-000000000002	tes yet, but everyone agreed that the second draf	2025-08-26 19:29:19.928+00	\N	f	18	18	2-11	\\xa00c355b99fabd2cdeedf8aa700486be0a17c12e60026d510830aad7dc7fce5f	\N
0198ecbb-5859-7001-a000-001000000017	01941f29-7c00-7001-8001-000000000008	01941f29-7c00-7001-8002-000000000001	the pictures should come before the numbers. Could you sen	2025-08-27 18:12:37.593+00	\N	f	36	36	1-23	\\xf3a9e40ad544bb6cf671332f57021a0654439be86b45ffcc6cc1d849e28dfe9b	\N
0199042e-5dd5-7001-a000-006000000004	01941f29-7c00-7001-8001-000000000000	01941f29-7c00-7001-8002-000000000006	greed that the second draft is better than the first, and that the pictures should co	2025-09-01 07:29:31.605+00	\N	f	6	6	6-4	\\x886223daad422b8bd9b96b18088f66e2182fb99a989fb9f0715f77e1ea21973c	\N
0199226f-f335-7001-a000-001000000018	01941f29-7c00-7001-8001-000000000000	01941f29-7c00-7001-8002-000000000001	ked along the river and talked about the plan for next week. Nobody had read the notes yet, but	2025-09-07 04:29:46.165+00	\N	f	37	37	1-24	\\x014ebd0585b435719de7403224153d8527fcf19e68fa2fd38e9fd9e3b0eac5cc	0197e034-5210-7001-a000-001000000012
01995824-8e10-7001-a000-001000000019	01941f29-7c00-7001-8001-000000000006	01941f29-7c00-7001-8002-000000000001	r than the first, and that the pic	2025-09-17 14:46:54.736+00	\N	f	38	38	1-25	\\x1e76ef1b1d421a2186ee01bc2e3113cf8d56a4bf97b59ba7173966230d4cf665	\N
01995d56-48f8-7001-a000-00200000000c	01941f29-7c00-7001-8001-000000000005	01941f29-7c00-7001-8002-000000000002	draft is better than the first,	2025-09-18 14:59:19.928+00	\N	f	19	19	2-12	\\x0413e221e0ce433052e605300c7f5f6cfc74391418d677a3b2744b20c895b557	\N
01998dd9-28ec-7001-a000-00100000001a	01941f29-7c00-7001-8001-000000000009	01941f29-7c00-7001-8002-000000000001	t week. Nobody had read the notes yet, but everyone agreed that the second 	2025-09-28 01:04:03.308+00	\N	f	39	39	1-26	\\x52baaa850f20aee48bbb764d4401cb0971fb100653949aa8c54547b05168321e	\N
0199a06d-6269-7001-a000-003000000008	01941f29-7c00-7001-8001-000000000009	01941f29-7c00-7001-8002-000000000003	Nobody had read the notes yet, but everyone agreed that the second draft is better than the first, and that the pictures should c	2025-10-01 15:39:07.241+00	\N	f	12	12	3-8	\\xb20f51a24d4405abb3ebd1baa7a3abe72e338c3638a1e51cbbcefafad29b516b	\N
0199b08a-e290-7001-a000-004000000007	01941f29-7c00-7001-8001-000000000000	01941f29-7c00-7001-8002-000000000004	s yet, but everyone agreed that the second draft is better than the first	2025-10-04 18:45:16.048+00	\N	f	10	10	4-7	\\x4501c4d16b58f9ce09112b94887b9310033adc53c4139e69b85daf0fbbfa8c44	\N
0199c38d-c3c7-7001-a000-00100000001b	01941f29-7c00-7001-8001-00000000000a	01941f29-7c00-7001-8002-000000000001	 you send me the address once more? I will bring bread, cheese, and the good coffee; Robin brings the maps and a lamp.	2025-10-08 11:21:11.879+00	\N	f	40	40	1-27	\\xb711c95ff45eaa28f44058c5702970567484514c9abcb3beab80d15e3403c2f6	\N
0199d2d1-5bb8-7001-a000-00200000000d	01941f29-7c00-7001-8001-00000000000a	01941f29-7c00-7001-8002-000000000002	otes yet, but everyone agreed that the second draft is better than the first, and that the pictures should come	2025-10-11 10:29:19.928+00	\N	f	20	20	2-13	\\x4dc2c0bbf400032b8bb7f538a068dda0ff735b8782e66d64175e04e5611e650b	\N
0199f942-5ea3-7001-a000-00100000001c	01941f29-7c00-7001-8001-000000000006	01941f29-7c00-7001-8002-000000000001	efore the numbers. Could you send me the addr	2025-10-18 21:38:20.451+00	\N	f	41	41	1-28	\\x2447961bbf7489726ef5a6dd94a63ee1baf587f0242b16ccd1169caa8e81e5a1	\N
019a1e35-1bbe-7001-a000-005000000005	01941f29-7c00-7001-8001-000000000007	01941f29-7c00-7001-8002-000000000005	 next week. Nobody had read the n	2025-10-26 01:49:48.35+00	\N	f	7	7	5-5	\\xaec67069b3499482686cd5ad9db14766dc1b363e596fe56469ba83c084d5b865	\N
019a2ef6-f97e-7001-a000-00100000001d	01941f29-7c00-7001-8001-00000000000a	01941f29-7c00-7001-8002-000000000001	tter than the first, and that the pictures should come before the numbers. C	2025-10-29 07:55:29.022+00	\N	f	42	42	1-29	\\xebf10f19135b713cb037aa4e9a5f5455ddec8975187838e1ab2d87b89fd5561d	\N
019a484c-6e78-7001-a000-00200000000e	01941f29-7c00-7001-8001-000000000003	01941f29-7c00-7001-8002-000000000002	eed that the second draft is better than the first, and that the pictures should come before the 	2025-11-03 05:59:19.928+00	\N	f	21	21	2-14	\\x9621be8335eaf1a0662cf9eb4c3937738ef8568b38350c562af21cd376b4ffc3	\N
019a5c65-8069-7001-a000-003000000009	01941f29-7c00-7001-8001-00000000000a	01941f29-7c00-7001-8002-000000000003	er than the first, and that the pictures should come before the numbers	2025-11-07 03:39:07.241+00	\N	f	13	13	3-9	\\xb4d73838f0ca1b7337047a244c85644557c6e0a1865f16108be3b12f900c757d	\N
019a64ab-9459-7001-a000-00100000001e	01941f29-7c00-7001-8001-000000000003	01941f29-7c00-7001-8002-000000000001	s better than th	2025-11-08 18:12:37.593+00	\N	f	43	43	1-30	\\x552795846b3a7178b65baf9d4eb4bfa30e0ba15fc150a3d622cac240217b04a7	\N
019a7c1e-99d5-7001-a000-006000000005	01941f29-7c00-7001-8001-000000000000	01941f29-7c00-7001-8002-000000000006	e walked along the river and talked about the plan for next week. Nobody had read the notes yet, but everyon	2025-11-13 07:29:31.605+00	\N	f	7	7	6-5	\\xa334239168778898123e4593dcbcaa62b3e789a3a1a970670ad784f814eb3070	\N
019a9a60-2f35-7001-a000-00100000001f	01941f29-7c00-7001-8001-00000000000a	01941f29-7c00-7001-8002-000000000001	 week. Nobody had read the notes yet, but e	2025-11-19 04:29:46.165+00	\N	f	44	44	1-31	\\x4fb4f3686d476900e4dae626b7f23898ea5573ddf2725f49a34f63e8e9c9f0da	0198b706-bd7e-7001-a000-001000000016
019a9b81-0810-7001-a000-004000000008	01941f29-7c00-7001-8001-000000000005	01941f29-7c00-7001-8002-000000000004	lan for next week. Nobody had read the notes yet, but everyone agreed that the second draft is better than the first, and that the pict	2025-11-19 09:45:16.048+00	2025-11-19 09:46:16.048+00	f	11	12	4-8	\\xb8f0f164633f500a0ac7d04fa6d144209817635a74f4a2a7ff866c340a2c8336	\N
019abdc7-8138-7001-a000-00200000000f	01941f29-7c00-7001-8001-000000000001	01941f29-7c00-7001-8002-000000000002	rain was late again, so 	2025-11-26 01:29:19.928+00	\N	f	22	22	2-15	\\xf26c13708b5a2b14ebd6e2da2c6743cd1dbe0b94cfb23eae5ba792a0a87ed771	\N
019ad014-ca10-7001-a000-001000000020	01941f29-7c00-7001-8001-000000000001	01941f29-7c00-7001-8002-000000000001	me before the numbers. Could you send me the address once more? I will bring bread,	2025-11-29 14:46:54.736+00	\N	f	45	45	1-32	\\x1d5697d1124bb98437a80430c8d384f7a5ba311471d3214df6211e0719e9b80e	\N
019b05c9-64ec-7001-a000-001000000021	01941f29-7c00-7001-8001-000000000003	01941f29-7c00-7001-8002-000000000001	e notes yet, but everyone a	2025-12-10 01:04:03.308+00	\N	f	46	46	1-33	\\xedbe030002df1762ef93aff86f00a51375dfe6b697618f7d7e4a18ba83bf79d3	\N
019b185d-9e69-7001-a000-00300000000a	01941f29-7c00-7001-8001-000000000009	01941f29-7c00-7001-8002-000000000003	dy had read the notes yet, but everyone agreed that the second draft is better than the f	2025-12-13 15:39:07.241+00	\N	f	14	14	3-10	\\x981538f2213f57588cec59b09027e4a03ea804ee9100cdc0c21410a4bfcf9618	\N
019b3342-93f8-7001-a000-002000000010	01941f29-7c00-7001-8001-000000000003	01941f29-7c00-7001-8002-000000000002	river and talked abo	2025-12-18 20:59:19.928+00	\N	f	23	23	2-16	\\x157a4e18f0e503a7b77e22204d17dc4c3d09bef42db868c21b444e70338c2eac	\N
019b3b7d-ffc7-7001-a000-001000000022	01941f29-7c00-7001-8001-00000000000a	01941f29-7c00-7001-8002-000000000001	and that the pictures should come before the numbers. Could you 	2025-12-20 11:21:11.879+00	\N	f	47	47	1-34	\\xd30ae20807ec07eac366a29272759dc78af028edd009b2c01527966cd3dce0dd	\N
019b577d-4dbe-7001-a000-005000000006	01941f29-7c00-7001-8001-000000000000	01941f29-7c00-7001-8002-000000000005	hould come before the numbers. Could yo	2025-12-25 21:49:48.35+00	\N	f	8	8	5-6	\\x84680afc4243e18aa0c056121010eb8403c84482479ce936f3917779eb5989f0	\N
019b7132-9aa3-7001-a000-001000000023	01941f29-7c00-7001-8001-000000000004	01941f29-7c00-7001-8002-000000000001	raft is better than the first, and that the pictures should come before the numbers. Co	2025-12-30 21:38:20.451+00	\N	f	48	48	1-35	\\xf32fb60b56f7005e150f5897302be26a4488086a5aa9827827c01ef2876bdf2a	\N
\.


--
-- Data for Name: room_members; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.room_members (member_id, room_id, user_id, joined_at, left_at, is_active, from_seq, delivered_seq, read_seq, change_seq) FROM stdin;
01941f29-7c00-7001-8003-000001000000	01941f29-7c00-7001-8002-000000000001	01941f29-7c00-7001-8001-000000000000	2025-01-01 00:00:00+00	\N	t	38	47	45	1
01941f29-7c00-7001-8003-000001000001	01941f29-7c00-7001-8002-000000000001	01941f29-7c00-7001-8001-000000000005	2025-01-01 00:00:00+00	\N	t	38	43	38	2
01941f29-7c00-7001-8003-000001000002	01941f29-7c00-7001-8002-000000000001	01941f29-7c00-7001-8001-00000000000a	2025-01-01 00:00:00+00	\N	t	38	48	48	3
01941f29-7c00-7001-8003-000001000003	01941f29-7c00-7001-8002-000000000001	01941f29-7c00-7001-8001-000000000003	2025-01-01 00:00:00+00	\N	t	38	38	38	4
01941f29-7c00-7001-8003-000001000004	01941f29-7c00-7001-8002-000000000001	01941f29-7c00-7001-8001-000000000008	2025-01-01 00:00:00+00	\N	t	38	45	42	5
01941f29-7c00-7001-8003-000001000005	01941f29-7c00-7001-8002-000000000001	01941f29-7c00-7001-8001-000000000001	2025-01-01 00:00:00+00	\N	t	38	48	48	6
01941f29-7c00-7001-8003-000001000006	01941f29-7c00-7001-8002-000000000001	01941f29-7c00-7001-8001-000000000006	2025-01-01 00:00:00+00	\N	t	38	48	48	7
01941f29-7c00-7001-8003-000001000007	01941f29-7c00-7001-8002-000000000001	01941f29-7c00-7001-8001-00000000000b	2025-01-01 00:00:00+00	\N	t	38	48	48	8
01941f29-7c00-7001-8003-000001000008	01941f29-7c00-7001-8002-000000000001	01941f29-7c00-7001-8001-000000000004	2025-01-01 00:00:00+00	\N	t	38	48	48	9
01941f29-7c00-7001-8003-000001000009	01941f29-7c00-7001-8002-000000000001	01941f29-7c00-7001-8001-000000000009	2025-01-01 00:00:00+00	\N	t	38	47	46	10
01941f29-7c00-7001-8003-00000100000a	01941f29-7c00-7001-8002-000000000001	01941f29-7c00-7001-8001-000000000002	2025-01-01 00:00:00+00	\N	t	38	48	48	11
01941f29-7c00-7001-8003-00000100000b	01941f29-7c00-7001-8002-000000000001	01941f29-7c00-7001-8001-000000000007	2025-01-01 00:00:00+00	\N	t	38	48	48	12
01941f29-7c00-7001-8003-000002000000	01941f29-7c00-7001-8002-000000000002	01941f29-7c00-7001-8001-000000000000	2025-01-01 00:00:00+00	\N	t	12	23	23	1
01941f29-7c00-7001-8003-000002000001	01941f29-7c00-7001-8002-000000000002	01941f29-7c00-7001-8001-000000000005	2025-01-01 00:00:00+00	\N	t	12	17	12	2
01941f29-7c00-7001-8003-000002000002	01941f29-7c00-7001-8002-000000000002	01941f29-7c00-7001-8001-00000000000a	2025-01-01 00:00:00+00	\N	t	12	23	23	3
01941f29-7c00-7001-8003-000002000003	01941f29-7c00-7001-8002-000000000002	01941f29-7c00-7001-8001-000000000003	2025-01-01 00:00:00+00	\N	t	12	23	23	4
01941f29-7c00-7001-8003-000002000004	01941f29-7c00-7001-8002-000000000002	01941f29-7c00-7001-8001-000000000008	2025-01-01 00:00:00+00	\N	t	12	23	23	5
01941f29-7c00-7001-8003-000002000005	01941f29-7c00-7001-8002-000000000002	01941f29-7c00-7001-8001-000000000001	2025-01-01 00:00:00+00	\N	t	12	20	17	6
01941f29-7c00-7001-8003-000003000000	01941f29-7c00-7001-8002-000000000003	01941f29-7c00-7001-8001-000000000000	2025-01-01 00:00:00+00	\N	t	1	14	14	1
01941f29-7c00-7001-8003-000003000001	01941f29-7c00-7001-8002-000000000003	01941f29-7c00-7001-8001-00000000000b	2025-01-01 00:00:00+00	\N	t	2	14	14	2
01941f29-7c00-7001-8003-000003000002	01941f29-7c00-7001-8002-000000000003	01941f29-7c00-7001-8001-00000000000a	2025-01-01 00:00:00+00	\N	t	3	10	5	3
01941f29-7c00-7001-8003-000003000003	01941f29-7c00-7001-8002-000000000003	01941f29-7c00-7001-8001-000000000009	2025-01-01 00:00:00+00	\N	t	4	14	14	4
01941f29-7c00-7001-8003-000004000000	01941f29-7c00-7001-8002-000000000004	01941f29-7c00-7001-8001-000000000000	2025-01-01 00:00:00+00	\N	t	1	11	11	1
01941f29-7c00-7001-8003-000004000001	01941f29-7c00-7001-8002-000000000004	01941f29-7c00-7001-8001-000000000005	2025-01-01 00:00:00+00	\N	t	2	11	11	2
01941f29-7c00-7001-8003-000004000002	01941f29-7c00-7001-8002-000000000004	01941f29-7c00-7001-8001-00000000000a	2025-01-01 00:00:00+00	\N	t	3	11	11	3
01941f29-7c00-7001-8003-000005000000	01941f29-7c00-7001-8002-000000000005	01941f29-7c00-7001-8001-000000000000	2025-01-01 00:00:00+00	\N	t	1	8	8	1
01941f29-7c00-7001-8003-000005000001	01941f29-7c00-7001-8002-000000000005	01941f29-7c00-7001-8001-000000000007	2025-01-01 00:00:00+00	\N	t	2	8	7	2
01941f29-7c00-7001-8003-000006000000	01941f29-7c00-7001-8002-000000000006	01941f29-7c00-7001-8001-000000000000	2025-01-01 00:00:00+00	\N	t	1	7	7	1
01941f29-7c00-7001-8003-000006000001	01941f29-7c00-7001-8002-000000000006	01941f29-7c00-7001-8001-000000000001	2025-01-01 00:00:00+00	\N	t	2	7	7	2
\.


--
-- Data for Name: rooms; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.rooms (room_id, room_name, description, created_by, is_private, created_at, last_seq, change_seq, message_count, member_count, last_message_at, client_id, deleted_at) FROM stdin;
b3580063-d7ff-4145-a6b4-8b9119e7b908	general	For everybody, about everything	\N	f	2026-11-26 05:56:26.341559+00	0	0	0	0	\N	\N	\N
136d95e8-64ac-4fe3-b101-e45fe0eced80	random	Whatever fits nowhere else	\N	f	2026-11-26 05:56:26.341559+00	0	0	0	0	\N	\N	\N
5a0d4b05-6e24-4cee-97d5-08b6f65910ce	tech	About technology	\N	f	2026-11-26 05:56:26.341559+00	0	0	0	0	\N	\N	\N
01941f29-7c00-7001-8002-000000000001	seed-1-1	A room of 12	01941f29-7c00-7001-8001-000000000000	f	2025-01-01 00:00:00+00	48	0	35	12	2025-12-30 21:38:20.451+00	\N	\N
01941f29-7c00-7001-8002-000000000002	seed-1-2	A room of 6	01941f29-7c00-7001-8001-000000000000	f	2025-01-01 00:00:00+00	23	0	16	6	2025-12-18 20:59:19.928+00	\N	\N
01941f29-7c00-7001-8002-000000000003	seed-1-3	A room of 4	01941f29-7c00-7001-8001-000000000000	f	2025-01-01 00:00:00+00	14	0	10	4	2025-12-13 15:39:07.241+00	\N	\N
01941f29-7c00-7001-8002-000000000004	seed-1-4	A room of 3	01941f29-7c00-7001-8001-000000000000	t	2025-01-01 00:00:00+00	12	0	8	3	2025-11-19 09:45:16.048+00	\N	\N
01941f29-7c00-7001-8002-000000000005	seed-1-5	A room of 2	01941f29-7c00-7001-8001-000000000000	f	2025-01-01 00:00:00+00	8	0	6	2	2025-12-25 21:49:48.35+00	\N	\N
01941f29-7c00-7001-8002-000000000006	seed-1-6	A room of 2	01941f29-7c00-7001-8001-000000000000	f	2025-01-01 00:00:00+00	7	0	5	2	2025-11-13 07:29:31.605+00	\N	\N
\.


--
-- Data for Name: users; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.users (user_id, username, email, password, display_name, avatar, bio, status, last_seen, created_at, last_login, role, deleted_at, disabled_at) FROM stdin;
01941f29-7c00-7001-8001-000000000000	seed-1_0	seed-1_0@seed.invalid	!	Person 0	\N	\N	offline	2025-01-01 00:00:00+00	2025-01-01 00:00:00+00	\N	user	\N	\N
01941f29-7c00-7001-8001-000000000001	seed-1_1	seed-1_1@seed.invalid	!	Person 1	\N	\N	offline	2025-01-01 00:00:00+00	2025-01-01 00:00:00+00	\N	user	\N	\N
01941f29-7c00-7001-8001-000000000002	seed-1_2	seed-1_2@seed.invalid	!	Person 2	\N	\N	offline	2025-01-01 00:00:00+00	2025-01-01 00:00:00+00	\N	user	\N	\N
01941f29-7c00-7001-8001-000000000003	seed-1_3	seed-1_3@seed.invalid	!	Person 3	\N	\N	offline	2025-01-01 00:00:00+00	2025-01-01 00:00:00+00	\N	user	\N	\N
01941f29-7c00-7001-8001-000000000004	seed-1_4	seed-1_4@seed.invalid	!	Person 4	\N	\N	offline	2025-01-01 00:00:00+00	2025-01-01 00:00:00+00	\N	user	\N	\N
01941f29-7c00-7001-8001-000000000005	seed-1_5	seed-1_5@seed.invalid	!	Person 5	\N	\N	offline	2025-01-01 00:00:00+00	2025-01-01 00:00:00+00	\N	user	\N	\N
01941f29-7c00-7001-8001-000000000006	seed-1_6	seed-1_6@seed.invalid	!	Person 6	\N	\N	offline	2025-01-01 00:00:00+00	2025-01-01 00:00:00+00	\N	user	\N	\N
01941f29-7c00-7001-8001-000000000007	seed-1_7	seed-1_7@seed.invalid	!	Person 7	\N	\N	offline	2025-01-01 00:00:00+00	2025-01-01 00:00:00+00	\N	user	\N	\N
01941f29-7c00-7001-8001-000000000008	seed-1_8	seed-1_8@seed.invalid	!	Person 8	\N	\N	offline	2025-01-01 00:00:00+00	2025-01-01 00:00:00+00	\N	user	\N	\N
01941f29-7c00-7001-8001-000000000009	seed-1_9	seed-1_9@seed.invalid	!	Person 9	\N	\N	offline	2025-01-01 00:00:00+00	2025-01-01 00:00:00+00	\N	user	\N	\N
01941f29-7c00-7001-8001-00000000000a	seed-1_10	seed-1_10@seed.invalid	!	Person 10	\N	\N	offline	2025-01-01 00:00:00+00	2025-01-01 00:00:00+00	\N	user	\N	\N
01941f29-7c00-7001-8001-00000000000b	seed-1_11	seed-1_11@seed.invalid	!	Person 11	\N	\N	offline	2025-01-01 00:00:00+00	2025-01-01 00:00:00+00	\N	user	\N	\N
\.


--
-- Name: alembic_version alembic_version_pkc; Type: CONSTRAINT; Schema: hubbub; Owner: -
--

ALTER TABLE ONLY hubbub.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);


--
-- Name: auth_sessions auth_sessions_pkey; Type: CONSTRAINT; Schema: hubbub; Owner: -
--

ALTER TABLE ONLY hubbub.auth_sessions
    ADD CONSTRAINT auth_sessions_pkey PRIMARY KEY (session_id);


--
-- Name: commands commands_pkey; Type: CONSTRAINT; Schema: hubbub; Owner: -
--

ALTER TABLE ONLY hubbub.commands
    ADD CONSTRAINT commands_pkey PRIMARY KEY (user_id, client_id);


--
-- Name: message_edits message_edits_pkey; Type: CONSTRAINT; Schema: hubbub; Owner: -
--

ALTER TABLE ONLY hubbub.message_edits
    ADD CONSTRAINT message_edits_pkey PRIMARY KEY (message_id, edit_no);


--
-- Name: meta meta_pkey; Type: CONSTRAINT; Schema: hubbub; Owner: -
--

ALTER TABLE ONLY hubbub.meta
    ADD CONSTRAINT meta_pkey PRIMARY KEY (key);


--
-- Name: nodes nodes_pkey; Type: CONSTRAINT; Schema: hubbub; Owner: -
--

ALTER TABLE ONLY hubbub.nodes
    ADD CONSTRAINT nodes_pkey PRIMARY KEY (node_id);


--
-- Name: refresh_tokens refresh_tokens_pkey; Type: CONSTRAINT; Schema: hubbub; Owner: -
--

ALTER TABLE ONLY hubbub.refresh_tokens
    ADD CONSTRAINT refresh_tokens_pkey PRIMARY KEY (token_hash);


--
-- Name: active_sessions active_sessions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.active_sessions
    ADD CONSTRAINT active_sessions_pkey PRIMARY KEY (session_id);


--
-- Name: message_deliveries message_deliveries_message_id_user_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.message_deliveries
    ADD CONSTRAINT message_deliveries_message_id_user_id_key UNIQUE (message_id, user_id);


--
-- Name: message_deliveries message_deliveries_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.message_deliveries
    ADD CONSTRAINT message_deliveries_pkey PRIMARY KEY (delivery_id);


--
-- Name: message_reads message_reads_message_id_user_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.message_reads
    ADD CONSTRAINT message_reads_message_id_user_id_key UNIQUE (message_id, user_id);


--
-- Name: message_reads message_reads_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.message_reads
    ADD CONSTRAINT message_reads_pkey PRIMARY KEY (read_id);


--
-- Name: messages messages_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_pkey PRIMARY KEY (message_id);


--
-- Name: messages messages_room_id_seq_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_room_id_seq_key UNIQUE (room_id, seq) INCLUDE (user_id, is_deleted);


--
-- Name: room_members room_members_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.room_members
    ADD CONSTRAINT room_members_pkey PRIMARY KEY (member_id);


--
-- Name: room_members room_members_room_id_user_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.room_members
    ADD CONSTRAINT room_members_room_id_user_id_key UNIQUE (room_id, user_id);


--
-- Name: rooms rooms_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.rooms
    ADD CONSTRAINT rooms_pkey PRIMARY KEY (room_id);


--
-- Name: rooms rooms_room_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.rooms
    ADD CONSTRAINT rooms_room_name_key UNIQUE (room_name);


--
-- Name: users users_email_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_email_key UNIQUE (email);


--
-- Name: users users_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (user_id);


--
-- Name: users users_username_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_username_key UNIQUE (username);


--
-- Name: idx_auth_sessions_expires; Type: INDEX; Schema: hubbub; Owner: -
--

CREATE INDEX idx_auth_sessions_expires ON hubbub.auth_sessions USING btree (expires_at);


--
-- Name: idx_auth_sessions_user; Type: INDEX; Schema: hubbub; Owner: -
--

CREATE INDEX idx_auth_sessions_user ON hubbub.auth_sessions USING btree (user_id);


--
-- Name: idx_refresh_tokens_session; Type: INDEX; Schema: hubbub; Owner: -
--

CREATE INDEX idx_refresh_tokens_session ON hubbub.refresh_tokens USING btree (session_id);


--
-- Name: idx_active_sessions_node; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_active_sessions_node ON public.active_sessions USING btree (node_id);


--
-- Name: idx_active_sessions_room; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_active_sessions_room ON public.active_sessions USING btree (room_id);


--
-- Name: idx_active_sessions_socket; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_active_sessions_socket ON public.active_sessions USING btree (socket_id);


--
-- Name: idx_active_sessions_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_active_sessions_user ON public.active_sessions USING btree (user_id);


--
-- Name: idx_message_deliveries_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_message_deliveries_user ON public.message_deliveries USING btree (user_id);


--
-- Name: idx_message_reads_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_message_reads_user ON public.message_reads USING btree (user_id);


--
-- Name: idx_messages_change; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_messages_change ON public.messages USING btree (room_id, change_seq);


--
-- Name: idx_messages_client; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX idx_messages_client ON public.messages USING btree (user_id, client_id) WHERE (client_id IS NOT NULL);


--
-- Name: idx_messages_reply; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_messages_reply ON public.messages USING btree (reply_to) WHERE (reply_to IS NOT NULL);


--
-- Name: idx_messages_room; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_messages_room ON public.messages USING btree (room_id, created_at DESC);


--
-- Name: idx_messages_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_messages_user ON public.messages USING btree (user_id);


--
-- Name: idx_room_members_change; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_room_members_change ON public.room_members USING btree (room_id, change_seq);


--
-- Name: idx_room_members_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_room_members_user ON public.room_members USING btree (user_id, is_active);


--
-- Name: idx_rooms_client; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX idx_rooms_client ON public.rooms USING btree (created_by, client_id) WHERE (client_id IS NOT NULL);


--
-- Name: idx_rooms_creator; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_rooms_creator ON public.rooms USING btree (created_by);


--
-- Name: idx_rooms_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_rooms_name ON public.rooms USING btree (room_name);


--
-- Name: idx_rooms_public; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_rooms_public ON public.rooms USING btree (room_name) WHERE ((NOT is_private) AND (deleted_at IS NULL));


--
-- Name: idx_users_email; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_users_email ON public.users USING btree (email);


--
-- Name: idx_users_email_lower; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_users_email_lower ON public.users USING btree (lower((email)::text));


--
-- Name: idx_users_status; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_users_status ON public.users USING btree (status);


--
-- Name: idx_users_username; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_users_username ON public.users USING btree (username);


--
-- Name: idx_users_username_lower; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_users_username_lower ON public.users USING btree (lower((username)::text));


--
-- Name: messages hubbub_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER hubbub_change BEFORE UPDATE OF message_text, is_deleted ON public.messages FOR EACH ROW WHEN (((old.message_text IS DISTINCT FROM new.message_text) OR (old.is_deleted IS DISTINCT FROM new.is_deleted))) EXECUTE FUNCTION hubbub.change_message();


--
-- Name: room_members hubbub_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER hubbub_change BEFORE UPDATE OF is_active ON public.room_members FOR EACH ROW WHEN ((old.is_active <> new.is_active)) EXECUTE FUNCTION hubbub.change_member();


--
-- Name: rooms hubbub_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER hubbub_change BEFORE UPDATE OF room_name, description, is_private, deleted_at ON public.rooms FOR EACH ROW WHEN ((((old.room_name)::text IS DISTINCT FROM (new.room_name)::text) OR (old.description IS DISTINCT FROM new.description) OR (old.is_private IS DISTINCT FROM new.is_private) OR (old.deleted_at IS DISTINCT FROM new.deleted_at))) EXECUTE FUNCTION hubbub.change_room();


--
-- Name: messages hubbub_forget; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER hubbub_forget AFTER DELETE ON public.messages REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION hubbub.forget_messages();


--
-- Name: room_members hubbub_forget; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER hubbub_forget AFTER DELETE ON public.room_members REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION hubbub.forget_members();


--
-- Name: messages hubbub_keep; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER hubbub_keep BEFORE UPDATE OF room_id, seq ON public.messages FOR EACH ROW WHEN (((old.room_id <> new.room_id) OR (old.seq <> new.seq))) EXECUTE FUNCTION hubbub.refuse_move();


--
-- Name: room_members hubbub_keep; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER hubbub_keep BEFORE UPDATE OF room_id, user_id ON public.room_members FOR EACH ROW WHEN (((old.room_id <> new.room_id) OR (old.user_id <> new.user_id))) EXECUTE FUNCTION hubbub.refuse_move();


--
-- Name: message_deliveries hubbub_lock; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER hubbub_lock BEFORE INSERT ON public.message_deliveries FOR EACH ROW WHEN ((current_setting('hubbub.receipts'::text, true) IS DISTINCT FROM 'server'::text)) EXECUTE FUNCTION hubbub.lock_reader();


--
-- Name: message_reads hubbub_lock; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER hubbub_lock BEFORE INSERT ON public.message_reads FOR EACH ROW WHEN ((current_setting('hubbub.receipts'::text, true) IS DISTINCT FROM 'server'::text)) EXECUTE FUNCTION hubbub.lock_reader();


--
-- Name: messages hubbub_place; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER hubbub_place BEFORE INSERT ON public.messages FOR EACH ROW WHEN ((new.seq IS NULL)) EXECUTE FUNCTION hubbub.place_message();


--
-- Name: room_members hubbub_place; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER hubbub_place BEFORE INSERT ON public.room_members FOR EACH ROW WHEN ((new.is_active AND (new.change_seq = 0))) EXECUTE FUNCTION hubbub.place_member();


--
-- Name: message_deliveries hubbub_raise; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER hubbub_raise AFTER INSERT ON public.message_deliveries REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT WHEN ((current_setting('hubbub.receipts'::text, true) IS DISTINCT FROM 'server'::text)) EXECUTE FUNCTION hubbub.raise_watermarks();


--
-- Name: message_reads hubbub_raise; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER hubbub_raise AFTER INSERT ON public.message_reads REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT WHEN ((current_setting('hubbub.receipts'::text, true) IS DISTINCT FROM 'server'::text)) EXECUTE FUNCTION hubbub.raise_watermarks();


--
-- Name: rooms hubbub_tell; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER hubbub_tell AFTER UPDATE ON public.rooms FOR EACH ROW WHEN (((old.last_seq <> new.last_seq) AND ((current_setting('hubbub.writer'::text, true) IS DISTINCT FROM 'server'::text) OR (pg_trigger_depth() > 1)))) EXECUTE FUNCTION hubbub.tell_room();


--
-- Name: rooms hubbub_tell_gone; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER hubbub_tell_gone AFTER DELETE ON public.rooms FOR EACH ROW EXECUTE FUNCTION hubbub.tell_room();


--
-- Name: auth_sessions auth_sessions_user_id_fkey; Type: FK CONSTRAINT; Schema: hubbub; Owner: -
--

ALTER TABLE ONLY hubbub.auth_sessions
    ADD CONSTRAINT auth_sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(user_id) ON DELETE CASCADE;


--
-- Name: commands commands_user_id_fkey; Type: FK CONSTRAINT; Schema: hubbub; Owner: -
--

ALTER TABLE ONLY hubbub.commands
    ADD CONSTRAINT commands_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(user_id) ON DELETE CASCADE;


--
-- Name: message_edits message_edits_message_id_fkey; Type: FK CONSTRAINT; Schema: hubbub; Owner: -
--

ALTER TABLE ONLY hubbub.message_edits
    ADD CONSTRAINT message_edits_message_id_fkey FOREIGN KEY (message_id) REFERENCES public.messages(message_id) ON DELETE CASCADE;


--
-- Name: refresh_tokens refresh_tokens_session_id_fkey; Type: FK CONSTRAINT; Schema: hubbub; Owner: -
--

ALTER TABLE ONLY hubbub.refresh_tokens
    ADD CONSTRAINT refresh_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES hubbub.auth_sessions(session_id) ON DELETE CASCADE;


--
-- Name: active_sessions active_sessions_room_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.active_sessions
    ADD CONSTRAINT active_sessions_room_id_fkey FOREIGN KEY (room_id) REFERENCES public.rooms(room_id) ON DELETE SET NULL;


--
-- Name: active_sessions active_sessions_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.active_sessions
    ADD CONSTRAINT active_sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(user_id) ON DELETE CASCADE;


--
-- Name: message_deliveries message_deliveries_message_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.message_deliveries
    ADD CONSTRAINT message_deliveries_message_id_fkey FOREIGN KEY (message_id) REFERENCES public.messages(message_id) ON DELETE CASCADE;


--
-- Name: message_deliveries message_deliveries_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.message_deliveries
    ADD CONSTRAINT message_deliveries_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(user_id) ON DELETE CASCADE;


--
-- Name: message_reads message_reads_message_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.message_reads
    ADD CONSTRAINT message_reads_message_id_fkey FOREIGN KEY (message_id) REFERENCES public.messages(message_id) ON DELETE CASCADE;


--
-- Name: message_reads message_reads_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.message_reads
    ADD CONSTRAINT message_reads_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(user_id) ON DELETE CASCADE;


--
-- Name: messages messages_reply_to_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_reply_to_fkey FOREIGN KEY (reply_to) REFERENCES public.messages(message_id) ON DELETE SET NULL;


--
-- Name: messages messages_room_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_room_id_fkey FOREIGN KEY (room_id) REFERENCES public.rooms(room_id) ON DELETE CASCADE;


--
-- Name: messages messages_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(user_id) ON DELETE SET NULL;


--
-- Name: room_members room_members_room_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.room_members
    ADD CONSTRAINT room_members_room_id_fkey FOREIGN KEY (room_id) REFERENCES public.rooms(room_id) ON DELETE CASCADE;


--
-- Name: room_members room_members_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.room_members
    ADD CONSTRAINT room_members_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(user_id) ON DELETE CASCADE;


--
-- Name: rooms rooms_created_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.rooms
    ADD CONSTRAINT rooms_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.users(user_id) ON DELETE SET NULL;


--
-- Name: FUNCTION post_message(room text, author text, message text, client_id text); Type: ACL; Schema: hubbub; Owner: -
--

REVOKE ALL ON FUNCTION hubbub.post_message(room text, author text, message text, client_id text) FROM PUBLIC;


--
-- PostgreSQL database dump complete
--


