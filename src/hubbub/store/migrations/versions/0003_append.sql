-- The journal's statement, cheaper: what it promises is as it was.

-- Group commit: stores a batch of sends, and says of each what became of it. Element i of each array belongs to send i.
--   stored      it has its place; the row says which
--   duplicate   it was stored before, under this id or by this user with this client id; the row is that of the first
--   conflict    as duplicate, but the text or the room is another; the row names the first, nothing is stored
--   not_found   no such room, or no active member of it, or no live account
--   bad_reply   what it replies to is not a message of this room
-- A send that cannot be stored leaves its neighbours alone. Of equal client ids in one batch the first counts. Two
-- batches that send the same client id to different rooms at once may end in a unique violation: then send them again.
--
-- A batch in which nothing stands out, as nearly all are, is stored by a few short statements; any other is judged row
-- by row. Each statement is planned once for a connection and for batches of any size, perhaps while the tables were
-- empty. So none may be answered by reading a table or a person's messages whole, which is cheapest then: base tables are
-- met by `= ANY` of the batch's keys, or by a subquery for one row; and where several indexes would do, an ORDER BY that
-- only the right one has (`>= … ORDER BY … LIMIT 1`, then compared) leaves no choice.
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
