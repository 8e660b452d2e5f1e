-- What plain SQL writes is told at once, and `hubbub.post_message`; explained in schema.sql.
INSERT INTO hubbub.meta (key, value) VALUES ('max_message_bytes', '16384') ON CONFLICT (key) DO NOTHING;

CREATE FUNCTION hubbub.tell(words text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF pg_notification_queue_usage() < 0.5 THEN
        PERFORM pg_notify('hubbub_sql', words);
    END IF;
END
$$;

CREATE FUNCTION hubbub.by_server() RETURNS boolean LANGUAGE sql VOLATILE AS $$
    SELECT set_config('hubbub.writer', 'server', true) = 'server'
$$;

CREATE FUNCTION hubbub.tell_room() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    PERFORM hubbub.tell('room ' || coalesce(new.room_id, old.room_id));
    RETURN NULL;
END
$$;
CREATE TRIGGER hubbub_tell AFTER UPDATE ON public.rooms
    FOR EACH ROW WHEN (
        old.last_seq <> new.last_seq AND current_setting('hubbub.writer', true) IS DISTINCT FROM 'server'
    ) EXECUTE FUNCTION hubbub.tell_room();
CREATE TRIGGER hubbub_tell_gone AFTER DELETE ON public.rooms FOR EACH ROW EXECUTE FUNCTION hubbub.tell_room();

CREATE FUNCTION hubbub.tell_coming(room uuid, person uuid, number bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('hubbub.writer', true) IS DISTINCT FROM 'server' THEN
        PERFORM hubbub.tell(concat_ws(' ', 'joined', room, person, number));
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION hubbub.append_messages(
    ids uuid[], users uuid[], rooms uuid[], texts text[], client_ids text[], reply_tos uuid[]
) RETURNS TABLE (ord integer, outcome text, message_id uuid, seq bigint, change_seq bigint, created_at timestamptz)
LANGUAGE plpgsql
SET search_path = pg_catalog, public
SET plan_cache_mode = force_generic_plan -- planning a batch again costs more than storing it
SET enable_seqscan = off -- a plan made while the tables were small must not outlive that
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

CREATE OR REPLACE FUNCTION hubbub.leave_all_rooms(person uuid) RETURNS TABLE (room_id uuid, change_seq bigint) LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
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

CREATE OR REPLACE FUNCTION hubbub.erase_messages(person uuid, most integer) RETURNS TABLE (message_id uuid, room_id uuid)
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
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

CREATE OR REPLACE FUNCTION hubbub.place_member() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
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

CREATE OR REPLACE FUNCTION hubbub.change_member() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
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

CREATE OR REPLACE FUNCTION hubbub.raise_watermarks() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
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

CREATE FUNCTION hubbub.post_message(room text, author text, message text, client_id text DEFAULT NULL)
RETURNS TABLE (message_id uuid, seq bigint, created_at timestamptz, duplicate boolean) LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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
$$;
REVOKE ALL ON FUNCTION hubbub.post_message(text, text, text, text) FROM PUBLIC;
