-- What has to hold in a database, whoever wrote it: see store/verify.py. Each statement but the first two answers how many
-- rows break its rule, and names some of them, by ids and never by what people wrote. All read whole tables, on purpose:
-- `plainly` keeps them from the indexes, which may be what is broken.

-- name: plainly
-- For this transaction: tables are read themselves, not by their indexes; with as much time as it takes.
SELECT set_config('enable_indexscan', 'off', true), set_config('enable_indexonlyscan', 'off', true),
    set_config('enable_bitmapscan', 'off', true), set_config('statement_timeout', '0', true),
    set_config('idle_in_transaction_session_timeout', '0', true), set_config('work_mem', '64MB', true);

-- name: by_index
-- For the rest of this transaction: indexes may be used again.
SELECT set_config('enable_indexscan', 'on', true), set_config('enable_bitmapscan', 'on', true);

-- name: counts
-- How many rows each table has. (The digests of a backup count them as well.)
SELECT 'users' AS name, count(*) FROM public.users
UNION ALL SELECT 'rooms', count(*) FROM public.rooms
UNION ALL SELECT 'memberships', count(*) FROM public.room_members
UNION ALL SELECT 'messages', count(*) FROM public.messages
UNION ALL SELECT 'reads', count(*) FROM public.message_reads
UNION ALL SELECT 'deliveries', count(*) FROM public.message_deliveries
UNION ALL SELECT 'edits', count(*) FROM hubbub.message_edits;

-- name: numbers_within
-- Places, changes and watermarks above the counter of their room.
SELECT count(*) AS broken, (array_agg(x.what ORDER BY x.what))[1:5] AS examples FROM (
    SELECT 'message ' || m.message_id AS what FROM public.messages AS m JOIN public.rooms AS r ON r.room_id = m.room_id
    WHERE m.seq < 1 OR m.change_seq < m.seq OR m.change_seq > r.last_seq
    UNION ALL
    SELECT 'membership ' || x.member_id FROM public.room_members AS x JOIN public.rooms AS r ON r.room_id = x.room_id
    WHERE greatest(x.change_seq, x.delivered_seq) > r.last_seq
    UNION ALL
    SELECT 'room ' || r.room_id FROM public.rooms AS r WHERE r.change_seq > r.last_seq
) AS x;

-- name: numbers_once
-- Numbers of a room that two things hold.
SELECT count(*) AS broken, (array_agg(x.what ORDER BY x.what))[1:5] AS examples FROM (
    SELECT format('number %s of room %s', n.number, n.room_id) AS what
    FROM (
        SELECT m.room_id, m.seq AS number FROM public.messages AS m
        UNION ALL SELECT m.room_id, m.change_seq FROM public.messages AS m WHERE m.change_seq > m.seq
        UNION ALL SELECT x.room_id, x.change_seq FROM public.room_members AS x WHERE x.change_seq > 0
        UNION ALL SELECT r.room_id, r.change_seq FROM public.rooms AS r WHERE r.change_seq > 0
    ) AS n
    GROUP BY n.room_id, n.number HAVING count(*) > 1
) AS x;

-- name: no_gap
-- Rooms in which a number is missing that nothing explains. A number is free again when what held it changes once more or
-- is removed, which holds a later number; above the last such number all have to be there.
WITH explained AS (
    SELECT n.room_id, max(n.number) AS number FROM (
        SELECT r.room_id, r.change_seq AS number FROM public.rooms AS r
        UNION ALL SELECT m.room_id, m.change_seq FROM public.messages AS m WHERE m.change_seq > m.seq
        UNION ALL SELECT x.room_id, x.change_seq FROM public.room_members AS x WHERE x.change_seq <> x.from_seq
    ) AS n
    GROUP BY n.room_id
), held AS (
    SELECT n.room_id, count(DISTINCT n.number) AS numbers
    FROM (
        SELECT m.room_id, m.seq AS number FROM public.messages AS m
        UNION ALL SELECT x.room_id, x.change_seq FROM public.room_members AS x
    ) AS n
    JOIN public.rooms AS r ON r.room_id = n.room_id
    JOIN explained AS e ON e.room_id = n.room_id
    WHERE n.number > e.number AND n.number <= r.last_seq
    GROUP BY n.room_id
)
SELECT count(*) AS broken, (array_agg(x.what ORDER BY x.what))[1:5] AS examples FROM (
    SELECT format('room %s, above number %s', r.room_id, e.number) AS what
    FROM public.rooms AS r JOIN explained AS e ON e.room_id = r.room_id LEFT JOIN held AS h ON h.room_id = r.room_id
    WHERE r.last_seq - e.number > coalesce(h.numbers, 0)
) AS x;

-- name: counters
-- Rooms whose counters of messages and members, or whose latest time, are not what their rows say.
WITH messages AS (
    SELECT m.room_id, count(*) FILTER (WHERE NOT m.is_deleted) AS live, max(m.created_at) AS latest
    FROM public.messages AS m GROUP BY m.room_id
), members AS (
    SELECT x.room_id, count(*) FILTER (WHERE x.is_active) AS active FROM public.room_members AS x GROUP BY x.room_id
)
SELECT count(*) AS broken, (array_agg(x.what ORDER BY x.what))[1:5] AS examples FROM (
    SELECT 'room ' || r.room_id AS what
    FROM public.rooms AS r LEFT JOIN messages AS m ON m.room_id = r.room_id LEFT JOIN members AS n ON n.room_id = r.room_id
    WHERE r.message_count <> coalesce(m.live, 0) OR r.member_count <> coalesce(n.active, 0)
        OR r.last_message_at < m.latest OR (r.last_message_at IS NULL) <> (m.latest IS NULL)
) AS x;

-- name: watermarks
-- Memberships that have read what was never delivered to them, or begin after what they have read.
SELECT count(*) AS broken, (array_agg(x.what ORDER BY x.what))[1:5] AS examples FROM (
    SELECT 'membership ' || x.member_id AS what FROM public.room_members AS x
    WHERE (0 <= x.from_seq AND x.from_seq <= x.read_seq AND x.read_seq <= x.delivered_seq) IS NOT TRUE
) AS x;

-- name: receipts
-- Receipt rows of members for messages that their watermarks say they have not read, or not been given.
SELECT count(*) AS broken, (array_agg(x.what ORDER BY x.what))[1:5] AS examples FROM (
    SELECT 'read ' || t.read_id AS what
    FROM public.message_reads AS t
    JOIN public.messages AS m ON m.message_id = t.message_id
    JOIN public.room_members AS x ON x.room_id = m.room_id AND x.user_id = t.user_id
    WHERE m.seq > x.read_seq
    UNION ALL
    SELECT 'delivery ' || t.delivery_id
    FROM public.message_deliveries AS t
    JOIN public.messages AS m ON m.message_id = t.message_id
    JOIN public.room_members AS x ON x.room_id = m.room_id AND x.user_id = t.user_id
    WHERE m.seq > x.delivered_seq
) AS x;

-- name: receipts_lead_somewhere
-- Receipt rows whose message or person is not there.
SELECT count(*) AS broken, (array_agg(x.what ORDER BY x.what))[1:5] AS examples FROM (
    SELECT 'read ' || t.read_id AS what
    FROM public.message_reads AS t
    LEFT JOIN public.messages AS m ON m.message_id = t.message_id LEFT JOIN public.users AS u ON u.user_id = t.user_id
    WHERE m.message_id IS NULL OR u.user_id IS NULL
    UNION ALL
    SELECT 'delivery ' || t.delivery_id
    FROM public.message_deliveries AS t
    LEFT JOIN public.messages AS m ON m.message_id = t.message_id LEFT JOIN public.users AS u ON u.user_id = t.user_id
    WHERE m.message_id IS NULL OR u.user_id IS NULL
) AS x;

-- name: messages_lead_somewhere
-- Messages whose room or author is not there, and earlier texts of messages that are not.
SELECT count(*) AS broken, (array_agg(x.what ORDER BY x.what))[1:5] AS examples FROM (
    SELECT 'message ' || m.message_id AS what
    FROM public.messages AS m
    LEFT JOIN public.rooms AS r ON r.room_id = m.room_id LEFT JOIN public.users AS u ON u.user_id = m.user_id
    WHERE r.room_id IS NULL OR (m.user_id IS NOT NULL AND u.user_id IS NULL)
    UNION ALL
    SELECT 'edit ' || concat_ws(' ', e.message_id, e.edit_no)
    FROM hubbub.message_edits AS e LEFT JOIN public.messages AS m ON m.message_id = e.message_id
    WHERE m.message_id IS NULL
) AS x;

-- name: the_rest_leads_somewhere
-- Memberships, rooms, connections, sessions, tokens and remembered commands of people, rooms or sessions that are not there.
SELECT count(*) AS broken, (array_agg(x.what ORDER BY x.what))[1:5] AS examples FROM (
    SELECT 'membership ' || x.member_id AS what
    FROM public.room_members AS x
    LEFT JOIN public.rooms AS r ON r.room_id = x.room_id LEFT JOIN public.users AS u ON u.user_id = x.user_id
    WHERE r.room_id IS NULL OR u.user_id IS NULL
    UNION ALL
    SELECT 'room ' || r.room_id FROM public.rooms AS r LEFT JOIN public.users AS u ON u.user_id = r.created_by
    WHERE r.created_by IS NOT NULL AND u.user_id IS NULL
    UNION ALL
    SELECT 'connection ' || s.session_id
    FROM public.active_sessions AS s
    LEFT JOIN public.rooms AS r ON r.room_id = s.room_id LEFT JOIN public.users AS u ON u.user_id = s.user_id
    WHERE u.user_id IS NULL OR (s.room_id IS NOT NULL AND r.room_id IS NULL)
    UNION ALL
    SELECT 'session ' || s.session_id
    FROM hubbub.auth_sessions AS s LEFT JOIN public.users AS u ON u.user_id = s.user_id WHERE u.user_id IS NULL
    UNION ALL
    SELECT 'a token of session ' || t.session_id
    FROM hubbub.refresh_tokens AS t LEFT JOIN hubbub.auth_sessions AS s ON s.session_id = t.session_id
    WHERE s.session_id IS NULL
    UNION ALL
    SELECT 'a command of user ' || c.user_id
    FROM hubbub.commands AS c LEFT JOIN public.users AS u ON u.user_id = c.user_id WHERE u.user_id IS NULL
) AS x;

-- name: replies
-- Replies to what is not there, is in another room, or came later.
SELECT count(*) AS broken, (array_agg(x.what ORDER BY x.what))[1:5] AS examples FROM (
    SELECT 'message ' || m.message_id AS what
    FROM public.messages AS m LEFT JOIN public.messages AS b ON b.message_id = m.reply_to
    WHERE m.reply_to IS NOT NULL AND (b.room_id = m.room_id AND b.seq < m.seq) IS NOT TRUE
) AS x;

-- name: tombstones
-- Deleted messages that have kept a text, or one from before; edits that are not numbered from 1 on.
SELECT count(*) AS broken, (array_agg(x.what ORDER BY x.what))[1:5] AS examples FROM (
    SELECT 'message ' || m.message_id AS what FROM public.messages AS m WHERE m.is_deleted AND m.message_text <> ''
    UNION ALL
    SELECT 'message ' || e.message_id
    FROM hubbub.message_edits AS e JOIN public.messages AS m ON m.message_id = e.message_id
    GROUP BY e.message_id
    HAVING bool_or(m.is_deleted) OR min(e.edit_no) <> 1 OR max(e.edit_no) <> count(DISTINCT e.edit_no)
) AS x;

-- name: texts
-- Messages, unchanged since, whose text is not the one whose SHA-256 was kept when it was sent under a client id.
SELECT count(*) AS broken, (array_agg(x.what ORDER BY x.what))[1:5] AS examples FROM (
    SELECT 'message ' || m.message_id AS what FROM public.messages AS m
    WHERE m.change_seq = m.seq AND NOT m.is_deleted AND m.client_hash <> sha256(convert_to(m.message_text, 'UTF8'))
) AS x;

-- name: people_once
-- User ids, usernames and e-mail addresses that two accounts have.
SELECT count(*) AS broken, (array_agg(x.what ORDER BY x.what))[1:5] AS examples FROM (
    SELECT 'user ' || u.user_id AS what FROM public.users AS u GROUP BY u.user_id HAVING count(*) > 1
    UNION ALL
    SELECT 'the username of user ' || min(u.user_id::text) FROM public.users AS u GROUP BY u.username HAVING count(*) > 1
    UNION ALL
    SELECT 'the e-mail address of user ' || min(u.user_id::text)
    FROM public.users AS u WHERE u.email IS NOT NULL GROUP BY u.email HAVING count(*) > 1
) AS x;

-- name: rooms_once
-- Room ids, names and client ids that two rooms have, and memberships that are there twice.
SELECT count(*) AS broken, (array_agg(x.what ORDER BY x.what))[1:5] AS examples FROM (
    SELECT 'room ' || r.room_id AS what FROM public.rooms AS r GROUP BY r.room_id HAVING count(*) > 1
    UNION ALL
    SELECT 'the name of room ' || min(r.room_id::text) FROM public.rooms AS r GROUP BY r.room_name HAVING count(*) > 1
    UNION ALL
    SELECT 'the client id of room ' || min(r.room_id::text)
    FROM public.rooms AS r WHERE r.client_id IS NOT NULL GROUP BY r.created_by, r.client_id
    HAVING r.created_by IS NOT NULL AND count(*) > 1
    UNION ALL
    SELECT format('user %s in room %s', x.user_id, x.room_id)
    FROM public.room_members AS x GROUP BY x.room_id, x.user_id HAVING count(*) > 1
) AS x;

-- name: messages_once
-- Message ids that are there twice, receipts of one person for one message, and client ids that one person used twice.
SELECT count(*) AS broken, (array_agg(x.what ORDER BY x.what))[1:5] AS examples FROM (
    SELECT 'message ' || m.message_id AS what FROM public.messages AS m GROUP BY m.message_id HAVING count(*) > 1
    UNION ALL
    SELECT 'the client id of message ' || min(m.message_id::text)
    FROM public.messages AS m WHERE m.client_id IS NOT NULL AND m.user_id IS NOT NULL GROUP BY m.user_id, m.client_id
    HAVING count(*) > 1
    UNION ALL
    SELECT format('read of message %s by user %s', t.message_id, t.user_id)
    FROM public.message_reads AS t GROUP BY t.message_id, t.user_id HAVING count(*) > 1
    UNION ALL
    SELECT format('delivery of message %s to user %s', t.message_id, t.user_id)
    FROM public.message_deliveries AS t GROUP BY t.message_id, t.user_id HAVING count(*) > 1
    UNION ALL
    SELECT 'a command of user ' || c.user_id
    FROM hubbub.commands AS c GROUP BY c.user_id, c.client_id HAVING count(*) > 1
) AS x;

-- name: messages_view
-- Rows of messages_with_user_view that are not what the tables say, among the ten newest messages of each room: a view
-- stores nothing, so that what it says of these it says of all. Receipts are counted from the watermarks, by another way.
-- The view itself is asked by its indexes: after `by_index`.
WITH newest AS MATERIALIZED (
    SELECT k.* FROM (
        SELECT m.*, row_number() OVER (PARTITION BY m.room_id ORDER BY m.seq DESC) AS nth FROM public.messages AS m
    ) AS k
    WHERE k.nth <= 10
), seen AS (
    SELECT n.message_id, count(*) FILTER (WHERE n.seq <= x.read_seq) AS reads,
        count(*) FILTER (WHERE n.seq <= x.delivered_seq) AS deliveries
    FROM newest AS n JOIN public.room_members AS x ON x.room_id = n.room_id
    WHERE x.from_seq < n.seq AND (n.user_id IS NULL OR x.user_id <> n.user_id)
    GROUP BY n.message_id
), due AS (
    SELECT n.message_id, n.message_text, n.created_at, n.edited_at, n.is_deleted, n.room_id, n.user_id,
        coalesce(u.username, 'deleted user') AS username,
        CASE WHEN u.user_id IS NULL THEN 'Deleted user' ELSE u.display_name END AS display_name,
        u.avatar, coalesce(s.reads, 0) AS read_count, coalesce(s.deliveries, 0) AS delivery_count,
        n.seq, n.change_seq, n.reply_to
    FROM newest AS n
    LEFT JOIN public.users AS u ON u.user_id = n.user_id AND u.deleted_at IS NULL
    LEFT JOIN seen AS s ON s.message_id = n.message_id
)
SELECT count(*) AS broken, (array_agg(x.what ORDER BY x.what))[1:5] AS examples FROM (
    SELECT 'message ' || d.message_id AS what
    FROM due AS d
    LEFT JOIN LATERAL (
        -- The limit keeps the view asked for these messages alone: without it, it may be read whole, receipts and all.
        SELECT v.* FROM public.messages_with_user_view AS v WHERE v.message_id = d.message_id LIMIT 1
    ) AS v ON true
    WHERE v.message_id IS NULL
        OR (d.message_text, d.created_at, d.edited_at, d.is_deleted, d.room_id, d.user_id, d.username, d.display_name)
            IS DISTINCT FROM
            (v.message_text, v.created_at, v.edited_at, v.is_deleted, v.room_id, v.user_id, v.username, v.display_name)
        OR (d.avatar, d.read_count, d.delivery_count, d.seq, d.change_seq, d.reply_to)
            IS DISTINCT FROM (v.avatar, v.read_count, v.delivery_count, v.seq, v.change_seq, v.reply_to)
) AS x;

-- name: other_views
-- Rows of room_stats_view and active_users_view that are not what the tables say, or that are missing there. (That the
-- rooms' counters are right is for `counters`.)
WITH here AS (
    SELECT s.room_id, count(DISTINCT s.user_id) AS people FROM public.active_sessions AS s GROUP BY s.room_id
), connected AS (
    SELECT s.user_id, count(*) AS sessions FROM public.active_sessions AS s GROUP BY s.user_id
), rooms AS (
    SELECT r.room_id, r.room_name, r.message_count, r.member_count, coalesce(h.people, 0) AS people, r.last_message_at
    FROM public.rooms AS r LEFT JOIN here AS h ON h.room_id = r.room_id WHERE r.deleted_at IS NULL
), users AS (
    SELECT u.user_id, u.username, u.display_name, u.avatar, u.status, u.last_seen, coalesce(c.sessions, 0) AS sessions
    FROM public.users AS u LEFT JOIN connected AS c ON c.user_id = u.user_id WHERE u.deleted_at IS NULL
)
SELECT count(*) AS broken, (array_agg(x.what ORDER BY x.what))[1:5] AS examples FROM (
    SELECT 'room ' || coalesce(r.room_id, v.room_id) AS what
    FROM rooms AS r FULL JOIN public.room_stats_view AS v ON v.room_id = r.room_id
    WHERE (r.room_id, r.room_name, r.message_count, r.member_count::bigint, r.people, r.last_message_at) IS DISTINCT FROM
        (v.room_id, v.room_name, v.total_messages, v.total_members, v.active_users, v.last_message_at)
    UNION ALL
    SELECT 'user ' || coalesce(u.user_id, v.user_id)
    FROM users AS u FULL JOIN public.active_users_view AS v ON v.user_id = u.user_id
    WHERE (u.user_id, u.username, u.display_name, u.avatar, u.status, u.last_seen, u.sessions) IS DISTINCT FROM
        (v.user_id, v.username, v.display_name, v.avatar, v.status, v.last_seen, v.active_sessions)
) AS x;

-- name: triggers
-- Triggers of the schema ($1: `schema.table trigger`) that are missing or switched off, and functions ($2) that are missing
-- or whose body ($3) is another. A trigger that fires on replicas too is on.
SELECT count(*) AS broken, (array_agg(x.what ORDER BY x.what))[1:5] AS examples FROM (
    SELECT 'trigger ' || d.named AS what
    FROM unnest($1::text[]) AS d (named)
    WHERE NOT EXISTS (
        SELECT FROM pg_trigger AS t
        WHERE t.tgrelid = to_regclass(split_part(d.named, ' ', 1)) AND t.tgname = split_part(d.named, ' ', 2)
            AND t.tgenabled IN ('O', 'A'))
    UNION ALL
    SELECT 'function ' || d.named
    FROM unnest($2::text[], $3::text[]) AS d (named, body)
    WHERE NOT EXISTS (
        SELECT FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
        WHERE n.nspname || '.' || p.proname = d.named AND p.prosrc = d.body)
) AS x;

-- name: constraints
-- Constraints ($1: `schema.table constraint`) that are missing or were never checked against the rows that are there,
-- foreign keys whose triggers are switched off, and indexes ($2: `schema.index`) that are missing or unfinished.
SELECT count(*) AS broken, (array_agg(x.what ORDER BY x.what))[1:5] AS examples FROM (
    SELECT 'constraint ' || d.named AS what
    FROM unnest($1::text[]) AS d (named)
    WHERE NOT EXISTS (
        SELECT FROM pg_constraint AS c
        WHERE c.conrelid = to_regclass(split_part(d.named, ' ', 1)) AND c.conname = split_part(d.named, ' ', 2)
            AND c.convalidated
            AND NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgconstraint = c.oid AND t.tgenabled NOT IN ('O', 'A')))
    UNION ALL
    SELECT 'index ' || d.named
    FROM unnest($2::text[]) AS d (named)
    WHERE NOT EXISTS (
        SELECT FROM pg_index AS i WHERE i.indexrelid = to_regclass(d.named) AND i.indisvalid AND i.indisready)
) AS x;

-- name: amcheck
-- The schema of the extension amcheck, where it is installed and this role may use it.
SELECT quote_ident(n.nspname)
FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
WHERE e.extname = 'amcheck' AND has_function_privilege(
    (SELECT p.oid FROM pg_proc AS p
     WHERE p.pronamespace = n.oid AND p.proname = 'bt_index_check' ORDER BY p.pronargs DESC LIMIT 1), 'EXECUTE');

-- name: amcheck_path
-- For this transaction: names are looked for in amcheck's schema.
SELECT set_config('search_path', $1, true);

-- name: btrees
-- The B-tree indexes of the two schemas.
SELECT i.indexrelid AS index, i.indexrelid::regclass::text AS name
FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_am AS a ON a.oid = c.relam AND a.amname = 'btree'
WHERE c.relnamespace IN ('public'::regnamespace, 'hubbub'::regnamespace) AND c.relpersistence = 'p'
    AND i.indisvalid AND i.indisready
ORDER BY 2;

-- name: check_btree
-- Holds one index against its table, row by row; raises where they disagree. After `amcheck_path`.
SELECT bt_index_check($1::oid::regclass, true);
