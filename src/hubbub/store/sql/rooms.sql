-- Rooms, with the asker's membership beside them. `$1` is always the asker.
-- `LATERAL (… LIMIT 1)` keeps a join to looking rows up one by one, by index: a plan that reads all the rooms there are,
-- in the order of their ids, is cheap only while they are few.

-- name: by_id
-- One room by its id; room and membership are what access decides on.
SELECT r.*, m.is_active, m.from_seq, m.delivered_seq, m.read_seq
FROM public.rooms AS r
LEFT JOIN public.room_members AS m ON m.room_id = r.room_id AND m.user_id = $1
WHERE r.room_id = $2 AND r.deleted_at IS NULL;

-- name: by_name
-- One room by its name.
SELECT r.*, m.is_active, m.from_seq, m.delivered_seq, m.read_seq
FROM public.rooms AS r
LEFT JOIN public.room_members AS m ON m.room_id = r.room_id AND m.user_id = $1
WHERE r.room_name = $2 AND r.deleted_at IS NULL;

-- name: page
-- Rooms the asker may see, by name: the public ones and one's own. Other people's private rooms, which may be most of
-- all, are not even passed over. Unread messages are counted as by `unread`.
SELECT r.*, m.is_active, m.from_seq, m.delivered_seq, m.read_seq,
    (SELECT count(DISTINCT s.user_id) FROM public.active_sessions AS s WHERE s.room_id = r.room_id) AS user_count,
    CASE WHEN m.is_active THEN (
        SELECT count(*) FROM (
            SELECT FROM (
                SELECT x.user_id, x.is_deleted FROM public.messages AS x
                WHERE x.room_id = r.room_id AND x.seq > m.read_seq ORDER BY x.seq LIMIT $6
            ) AS later
            WHERE NOT later.is_deleted AND later.user_id IS DISTINCT FROM $1 LIMIT $5
        ) AS few
    ) END AS unread
FROM (
    (SELECT p.* FROM public.rooms AS p
     WHERE NOT p.is_private AND p.deleted_at IS NULL AND p.room_name > $2 ORDER BY p.room_name LIMIT $3::bigint + $4::bigint)
    UNION ALL
    (SELECT o.* FROM public.room_members AS x
     CROSS JOIN LATERAL (SELECT * FROM public.rooms AS o WHERE o.room_id = x.room_id LIMIT 1) AS o
     WHERE x.user_id = $1 AND x.is_active AND o.is_private AND o.deleted_at IS NULL AND o.room_name > $2
     ORDER BY o.room_name LIMIT $3::bigint + $4::bigint)
    ORDER BY room_name LIMIT $3 OFFSET $4
) AS r
LEFT JOIN LATERAL (
    SELECT x.* FROM public.room_members AS x WHERE x.room_id = r.room_id AND x.user_id = $1 LIMIT 1
) AS m ON true
ORDER BY r.room_name;

-- name: count
-- How many rooms the asker may see, counted up to 10,000.
SELECT count(*) FROM (
    (SELECT FROM public.rooms AS p WHERE NOT p.is_private AND p.deleted_at IS NULL LIMIT 10000)
    UNION ALL
    (SELECT FROM public.room_members AS x
     CROSS JOIN LATERAL (SELECT * FROM public.rooms AS o WHERE o.room_id = x.room_id LIMIT 1) AS o
     WHERE x.user_id = $1 AND x.is_active AND o.is_private AND o.deleted_at IS NULL)
    LIMIT 10000
) AS few;

-- name: create_room
-- A new room; nothing where the name is taken.
INSERT INTO public.rooms (room_id, room_name, description, created_by, is_private, client_id)
VALUES ($2, $3, $4, $1, $5, $6)
ON CONFLICT DO NOTHING
RETURNING room_id;

-- name: created_with
-- The room that this person made with this Idempotency-Key before.
SELECT room_id FROM public.rooms WHERE created_by = $1 AND client_id = $2;

-- name: update_room
-- New name, description or privacy; a trigger gives the change the room's next number.
UPDATE public.rooms SET
    room_name = CASE WHEN $2 THEN $3 ELSE room_name END,
    description = CASE WHEN $4 THEN $5 ELSE description END,
    is_private = CASE WHEN $6 THEN $7 ELSE is_private END
WHERE room_id = $1 AND deleted_at IS NULL AND hubbub.by_server()
RETURNING change_seq;

-- name: delete_room
-- The room is gone for everyone; its rows stay until an operator removes them, its name becomes free.
UPDATE public.rooms
SET deleted_at = now(), room_name = left(room_name, 60) || ' ' || room_id::text
WHERE room_id = $1 AND deleted_at IS NULL AND hubbub.by_server()
RETURNING change_seq;

-- name: positions
-- Where the counters of the rooms in use stand: the once-a-second look that finds what no hint told.
SELECT room_id, last_seq FROM public.rooms WHERE room_id = ANY ($1::uuid[]);

-- name: unread
-- Unread messages of one person in one room, counted up to `$4`, among the first `$5` after the watermark: one's own and
-- tombstones do not count, and there may be any number of them. The order keeps to the index, which holds all of this.
SELECT count(*) FROM (
    SELECT FROM (
        SELECT x.user_id, x.is_deleted FROM public.messages AS x WHERE x.room_id = $2 AND x.seq > $3 ORDER BY x.seq LIMIT $5
    ) AS later
    WHERE NOT later.is_deleted AND later.user_id IS DISTINCT FROM $1 LIMIT $4
) AS few;

-- name: active_users
-- People whose current room this is.
SELECT count(DISTINCT user_id) FROM public.active_sessions WHERE room_id = $1;

-- name: names
-- The names of some rooms.
SELECT room_id, room_name FROM public.rooms WHERE room_id = ANY ($1::uuid[]);

-- name: by_id_even_deleted
-- A room's row whether or not it was deleted, to tell its listeners so.
SELECT * FROM public.rooms WHERE room_id = $1;

-- name: stats_after
-- Rooms and their figures by name after a name, private ones too, for an operator.
SELECT s.room_id, s.room_name, r.is_private, s.total_messages, s.total_members, s.active_users, s.last_message_at
FROM public.room_stats_view AS s JOIN public.rooms AS r USING (room_id)
WHERE s.room_name > $1
ORDER BY s.room_name LIMIT $2;
