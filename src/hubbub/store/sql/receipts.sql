-- Receipts: watermarks first, rows beside them in small rooms.

-- name: mark
-- Moves watermarks up, a batch of (user, message, direction) at once, and says what moved. Never down; members only.
-- The member rows are locked in one order, so that two batches cannot wait for each other.
WITH wish AS (
    SELECT w.user_id, w.message_id, w.is_read FROM unnest($1::uuid[], $2::uuid[], $3::boolean[]) AS w (user_id, message_id, is_read)
), target AS (
    SELECT w.user_id, m.room_id, max(m.seq) AS delivered_seq, coalesce(max(m.seq) FILTER (WHERE w.is_read), 0) AS read_seq
    FROM wish AS w JOIN public.messages AS m USING (message_id)
    GROUP BY w.user_id, m.room_id
), held AS (
    SELECT x.room_id, x.user_id, x.from_seq, x.delivered_seq, x.read_seq
    FROM public.room_members AS x JOIN target AS t USING (room_id, user_id)
    WHERE x.is_active
    ORDER BY x.room_id, x.user_id
    FOR NO KEY UPDATE OF x
), moved AS (
    UPDATE public.room_members AS x
    SET delivered_seq = greatest(h.delivered_seq, t.delivered_seq), read_seq = greatest(h.read_seq, t.read_seq)
    FROM held AS h JOIN target AS t USING (room_id, user_id)
    WHERE x.room_id = h.room_id AND x.user_id = h.user_id
      AND (h.delivered_seq < t.delivered_seq OR h.read_seq < t.read_seq)
    RETURNING x.room_id, x.user_id, x.delivered_seq, x.read_seq, h.delivered_seq AS old_delivered, h.read_seq AS old_read
)
SELECT h.room_id, h.user_id, r.room_name, r.member_count, u.username,
    h.delivered_seq AS old_delivered, h.read_seq AS old_read,
    coalesce(m.delivered_seq, h.delivered_seq) AS delivered_seq, coalesce(m.read_seq, h.read_seq) AS read_seq
FROM held AS h
JOIN public.rooms AS r USING (room_id)
JOIN public.users AS u USING (user_id)
LEFT JOIN moved AS m USING (room_id, user_id);

-- name: standing
-- Where watermarks stand that plain SQL has moved, in the columns of `mark`.
SELECT x.room_id, x.user_id, r.room_name, r.member_count, u.username,
    x.delivered_seq AS old_delivered, x.read_seq AS old_read, x.delivered_seq, x.read_seq
FROM (SELECT DISTINCT * FROM unnest($1::uuid[], $2::uuid[]) AS a (room_id, user_id)) AS a
JOIN public.room_members AS x USING (room_id, user_id)
JOIN public.rooms AS r USING (room_id)
JOIN public.users AS u USING (user_id)
WHERE x.is_active;

-- name: quiet
-- For the rest of this transaction the triggers leave receipts alone: what they would do has been done here.
SELECT set_config('hubbub.receipts', 'server', true);

-- name: add_delivery_rows
-- Rows of message_deliveries for the messages between two places of many readers at once, in the order of locks.
INSERT INTO public.message_deliveries (message_id, user_id)
SELECT m.message_id, s.user_id
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[]) AS s (room_id, user_id, after, up_to)
JOIN public.messages AS m ON m.room_id = s.room_id AND m.seq > s.after AND m.seq <= s.up_to
WHERE m.user_id IS DISTINCT FROM s.user_id
ORDER BY m.message_id, s.user_id
ON CONFLICT (message_id, user_id) DO NOTHING;

-- name: add_read_rows
-- The same for message_reads.
INSERT INTO public.message_reads (message_id, user_id)
SELECT m.message_id, s.user_id
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[]) AS s (room_id, user_id, after, up_to)
JOIN public.messages AS m ON m.room_id = s.room_id AND m.seq > s.after AND m.seq <= s.up_to
WHERE m.user_id IS DISTINCT FROM s.user_id
ORDER BY m.message_id, s.user_id
ON CONFLICT (message_id, user_id) DO NOTHING;

-- name: readers
-- Who has read a message, with the time where a row was written.
SELECT u.user_id, u.display_name, u.avatar, r.read_at AS at,
    CASE WHEN u.deleted_at IS NULL THEN u.username ELSE 'deleted user' END AS username
FROM public.room_members AS x
JOIN public.users AS u USING (user_id)
LEFT JOIN public.message_reads AS r ON r.message_id = $1 AND r.user_id = x.user_id
WHERE x.room_id = $2 AND x.user_id > $5 AND x.from_seq < $3 AND x.read_seq >= $3 AND x.user_id IS DISTINCT FROM $4
ORDER BY x.user_id LIMIT $6;

-- name: recipients
-- Who has been given a message, with the time where a row was written.
SELECT u.user_id, u.display_name, u.avatar, r.delivered_at AS at,
    CASE WHEN u.deleted_at IS NULL THEN u.username ELSE 'deleted user' END AS username
FROM public.room_members AS x
JOIN public.users AS u USING (user_id)
LEFT JOIN public.message_deliveries AS r ON r.message_id = $1 AND r.user_id = x.user_id
WHERE x.room_id = $2 AND x.user_id > $5 AND x.from_seq < $3 AND x.delivered_seq >= $3 AND x.user_id IS DISTINCT FROM $4
ORDER BY x.user_id LIMIT $6;

-- name: latest_message
-- The newest message of a room, which `mark-all-read` reads up to.
SELECT message_id, seq FROM public.messages WHERE room_id = $1 ORDER BY seq DESC LIMIT 1;

-- name: newly_read
-- The latest messages between two places that are not one's own, among the last `$6`: what `mark-all-read` tells of.
SELECT message_id FROM (
    SELECT * FROM public.messages WHERE room_id = $1 AND seq > $3 AND seq <= $4 ORDER BY seq DESC LIMIT $6
) AS later
WHERE user_id IS DISTINCT FROM $2 AND NOT is_deleted ORDER BY seq DESC LIMIT $5;
