-- Made-up content for `hubbub bench seed`. Every row brings its numbers, as a restored backup's do, so no trigger places it.
--
-- What a room is like comes as arrays, an element a room: id, number, messages, members, phase, turn, first, stride.
-- Number n of a room's people is user (first + n * stride) modulo the number of users. Everybody comes in first, which
-- takes the numbers 1 to `members`; then the messages are sent. Message k is changed at once where k + turn is a
-- multiple of 20, every fifth time into a tombstone; so its place is members + k + (k - 1 + turn) / 20.

-- name: strangers
-- Has anybody written here who was not made up?
SELECT EXISTS (SELECT FROM public.rooms WHERE last_message_at IS NOT NULL AND room_name NOT LIKE 'seed-%');

-- name: is_seeded
-- Was this seed sown before?
SELECT EXISTS (SELECT FROM public.users WHERE user_id = $1);

-- name: no_hurry
-- For the rest of this transaction nothing is cut off for taking long.
SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true);

-- name: users
-- The people. Nobody can sign in as one: `!` is no hash of a password.
INSERT INTO public.users (user_id, username, email, password, display_name, created_at, last_seen)
SELECT ($1 || lpad(to_hex(n), 12, '0'))::uuid, $2 || '_' || n, $2 || '_' || n || '@seed.invalid', '!', 'Person ' || n, $3, $3
FROM generate_series(0, $4::integer - 1) AS n;

-- name: rooms
-- The rooms, with their counters as they stand at the end; a quarter of them private.
INSERT INTO public.rooms
    (room_id, room_name, description, created_by, is_private, created_at, last_seq, message_count, member_count, last_message_at)
SELECT r.room_id, $9 || '-' || r.number, 'A room of ' || r.members, ($10 || lpad(to_hex(r.first), 12, '0'))::uuid,
    r.number % 4 = 0, $11, r.members + r.messages + (r.messages + r.turn) / 20, r.messages - (r.messages + r.turn) / 100,
    r.members,
    CASE WHEN r.messages > 0 THEN
        $11::timestamptz + ((r.messages - 1) * $12::bigint + r.phase) / r.messages * interval '1 millisecond' END
FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::integer[], $5::bigint[], $6::integer[], $7::bigint[], $8::bigint[])
    AS r (room_id, number, messages, members, phase, turn, first, stride);

-- name: members
-- Who is in which room. Most have read nearly everything, some hardly anything: the number of the unread is even on a
-- logarithmic scale. In rooms that get receipt rows everybody begins to read ten messages before the end, so that the
-- rows that go with the watermarks stay few.
INSERT INTO public.room_members
    (member_id, room_id, user_id, joined_at, from_seq, delivered_seq, read_seq, change_seq)
SELECT ($9 || lpad(to_hex(r.number), 6, '0') || lpad(to_hex(n), 6, '0'))::uuid, r.room_id,
    ($10 || lpad(to_hex((r.first + n * r.stride) % $11::bigint), 12, '0'))::uuid, $12,
    w.from_seq, greatest(w.from_seq, w.delivered_seq), greatest(w.from_seq, w.read_seq), n + 1
FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::integer[], $5::bigint[], $6::integer[], $7::bigint[], $8::bigint[])
    AS r (room_id, number, messages, members, phase, turn, first, stride)
CROSS JOIN generate_series(0, r.members - 1) AS n
CROSS JOIN LATERAL (SELECT hashint8extended(n, r.number) AS luck) AS l
CROSS JOIN LATERAL (SELECT (l.luck >> 5 & 1073741823) % (1 + (r.messages >> (l.luck & 31)::integer % 24)) AS unread) AS u
CROSS JOIN LATERAL (
    SELECT r.messages - u.unread AS read, r.messages - u.unread / 2 AS delivered,
        CASE WHEN r.members <= (SELECT value::integer FROM hubbub.meta WHERE key = 'receipt_rows_max_members')
        THEN r.messages - 10 ELSE 0 END AS before
) AS k
CROSS JOIN LATERAL (
    SELECT CASE WHEN k.before > 0 THEN r.members + k.before + (k.before - 1 + r.turn) / 20 ELSE n + 1 END AS from_seq,
        CASE WHEN k.delivered > 0 THEN r.members + k.delivered + (k.delivered - 1 + r.turn) / 20 ELSE 0 END AS delivered_seq,
        CASE WHEN k.read > 0 THEN r.members + k.read + (k.read - 1 + r.turn) / 20 ELSE 0 END AS read_seq
) AS w;

-- name: messages
-- What was said in all rooms from one moment (`$13`, milliseconds since the beginning) to another (`$14`), in order of
-- time, so that rooms lie mixed on the pages of the table as they do in life. Some reply to one of the ten before.
WITH said AS (
    SELECT r.*, k, ((k - 1) * $12::bigint + r.phase) / r.messages AS at, hashint8extended(k, r.number) AS luck
    FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::integer[], $5::bigint[], $6::integer[], $7::bigint[], $8::bigint[])
        AS r (room_id, number, messages, members, phase, turn, first, stride)
    CROSS JOIN generate_series(
        ($13::bigint * r.messages - r.phase + $12 - 1) / $12 + 1, ($14::bigint * r.messages - r.phase + $12 - 1) / $12) AS k
), stored AS (
    INSERT INTO public.messages
        (message_id, user_id, room_id, message_text, created_at, edited_at, is_deleted, seq, change_seq, client_id, client_hash, reply_to)
    SELECT
        (lpad(to_hex($15::bigint + s.at), 12, '0') || $9 || lpad(to_hex(s.number), 6, '0') || lpad(to_hex(s.k), 9, '0'))::uuid,
        ($10 || lpad(to_hex((s.first + p.person * s.stride) % $11::bigint), 12, '0'))::uuid,
        s.room_id, t.text, c.created_at, CASE WHEN c.is_changed AND NOT c.is_deleted THEN c.created_at + interval '1 minute' END,
        c.is_deleted, c.seq, c.seq + c.is_changed::integer, s.number || '-' || s.k,
        CASE WHEN NOT c.is_deleted THEN sha256(convert_to(t.text, 'UTF8')) END,
        CASE WHEN (s.luck >> 40 & 255) < 25 AND b.k > 0 THEN (
            lpad(to_hex($15 + ((b.k - 1) * $12 + s.phase) / s.messages), 12, '0') || $9
            || lpad(to_hex(s.number), 6, '0') || lpad(to_hex(b.k), 9, '0'))::uuid END
    FROM said AS s
    CROSS JOIN LATERAL (
        SELECT (s.turn + (s.luck & 65535) % (1 + (s.luck >> 16 & 65535) % s.members)) % s.members AS person
    ) AS p
    CROSS JOIN LATERAL (
        SELECT $16::timestamptz + s.at * interval '1 millisecond' AS created_at, (s.k + s.turn) % 20 = 0 AS is_changed,
            (s.k + s.turn) % 100 = 0 AS is_deleted, s.members + s.k + (s.k - 1 + s.turn) / 20 AS seq
    ) AS c
    CROSS JOIN LATERAL (
        SELECT CASE WHEN c.is_deleted THEN '' ELSE
            substr($17::text, 1 + (s.luck >> 32 & 255)::integer, 10 + (s.luck >> 48 & 127)::integer) END AS text
    ) AS t
    CROSS JOIN LATERAL (SELECT s.k - 1 - (s.luck >> 50 & 15) % 10 AS k) AS b
    ORDER BY s.at, s.number
    RETURNING message_id, user_id, message_text, edited_at
), kept AS (
    INSERT INTO hubbub.message_edits (message_id, edit_no, message_text, edited_at, edited_by)
    SELECT message_id, 1, 'At first: ' || message_text, edited_at, user_id FROM stored WHERE edited_at IS NOT NULL
)
SELECT count(*) FROM stored;

-- name: reads
-- The rows that go with the watermarks of what was read, in the rooms that get any. Sown under `receipts.quiet`.
INSERT INTO public.message_reads (read_id, message_id, user_id, read_at)
SELECT md5(m.message_id::text || x.user_id::text)::uuid, m.message_id, x.user_id, m.created_at + interval '1 second'
FROM public.rooms AS r
JOIN public.room_members AS x ON x.room_id = r.room_id
JOIN public.messages AS m ON m.room_id = x.room_id AND m.seq > x.from_seq AND m.seq <= x.read_seq
WHERE r.room_id = ANY ($1::uuid[]) AND m.user_id IS DISTINCT FROM x.user_id
  AND r.member_count <= (SELECT value::integer FROM hubbub.meta WHERE key = 'receipt_rows_max_members')
ORDER BY r.room_name, x.user_id, m.seq;

-- name: deliveries
-- The same for what was delivered.
INSERT INTO public.message_deliveries (delivery_id, message_id, user_id, delivered_at)
SELECT md5(m.message_id::text || x.user_id::text)::uuid, m.message_id, x.user_id, m.created_at + interval '1 second'
FROM public.rooms AS r
JOIN public.room_members AS x ON x.room_id = r.room_id
JOIN public.messages AS m ON m.room_id = x.room_id AND m.seq > x.from_seq AND m.seq <= x.delivered_seq
WHERE r.room_id = ANY ($1::uuid[]) AND m.user_id IS DISTINCT FROM x.user_id
  AND r.member_count <= (SELECT value::integer FROM hubbub.meta WHERE key = 'receipt_rows_max_members')
ORDER BY r.room_name, x.user_id, m.seq;

-- name: settle
-- Statistics and visibility, as autovacuum leaves them after a while.
VACUUM (ANALYZE) public.users, public.rooms, public.room_members, public.messages, public.message_reads,
    public.message_deliveries, hubbub.message_edits;
