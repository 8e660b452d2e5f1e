-- Membership. Triggers give each change the room's next number and keep `member_count`. What `hubbub.by_server()` stands
-- in says that it is ours, and that the triggers need not tell us of it.

-- name: join_room
-- Becomes a member, or one again; nothing changes for who is one already. A private room takes only whom `add_member` adds.
INSERT INTO public.room_members AS m (room_id, user_id)
SELECT r.room_id, $1 FROM public.rooms AS r
WHERE r.room_id = $2 AND r.deleted_at IS NULL AND NOT r.is_private AND hubbub.by_server()
ON CONFLICT (room_id, user_id) DO UPDATE SET is_active = true, left_at = NULL
WHERE NOT m.is_active
RETURNING m.change_seq;

-- name: add_member
-- Somebody is let in by whoever may (`$3`: the room's maker, or an administrator by `$4`).
INSERT INTO public.room_members AS m (room_id, user_id)
SELECT r.room_id, u.user_id FROM public.rooms AS r, public.users AS u
WHERE r.room_id = $2 AND r.deleted_at IS NULL AND u.user_id = $1 AND u.deleted_at IS NULL
  AND (r.created_by = $3 OR $4) AND hubbub.by_server()
ON CONFLICT (room_id, user_id) DO UPDATE SET is_active = true, left_at = NULL
WHERE NOT m.is_active
RETURNING m.change_seq;

-- name: leave_room
-- Is no longer a member.
UPDATE public.room_members SET is_active = false, left_at = now()
WHERE user_id = $1 AND room_id = $2 AND is_active AND hubbub.by_server()
RETURNING change_seq;

-- name: active_of
-- Of the people named, those who are members of a room.
SELECT user_id FROM public.room_members WHERE room_id = $1 AND user_id = ANY ($2::uuid[]) AND is_active;

-- name: count_rooms
-- In how many rooms one is, counted up to the limit.
SELECT count(*) FROM (SELECT FROM public.room_members WHERE user_id = $1 AND is_active LIMIT $2) AS few;

-- name: page
-- The members of a room by id.
SELECT u.user_id, u.username, u.display_name, u.avatar, u.status, u.last_seen, m.joined_at
FROM public.room_members AS m JOIN public.users AS u USING (user_id)
WHERE m.room_id = $1 AND m.is_active AND m.user_id > $2
ORDER BY m.user_id LIMIT $3;

-- name: connected
-- The members of a room who are connected now, to this process or any other.
SELECT u.user_id, u.username, u.display_name, u.avatar, u.last_seen
FROM public.room_members AS m JOIN public.users AS u USING (user_id)
WHERE m.room_id = $1 AND m.is_active
  AND EXISTS (SELECT FROM public.active_sessions AS s WHERE s.user_id = m.user_id)
ORDER BY u.user_id LIMIT $2;

-- name: count_connected
-- How many members of a room are connected now, counted up to 1,000.
SELECT count(*) FROM (
    SELECT FROM public.room_members AS m
    WHERE m.room_id = $1 AND m.is_active
      AND EXISTS (SELECT FROM public.active_sessions AS s WHERE s.user_id = m.user_id)
    LIMIT 1000
) AS few;

-- name: watermarks
-- How far each member of some small rooms has been given and has read: one scan of each room's members, up to `$2`.
SELECT x.room_id, x.user_id, x.from_seq, x.delivered_seq, x.read_seq
FROM unnest($1::uuid[]) AS r (room_id)
CROSS JOIN LATERAL (SELECT * FROM public.room_members AS m WHERE m.room_id = r.room_id LIMIT $2) AS x;

-- name: watermark_counts
-- For a large room: how many members stand between which of `$2` (ascending numbers), in one scan of its members.
SELECT width_bucket(from_seq, $2::bigint[]) AS "from", width_bucket(delivered_seq, $2::bigint[]) AS delivered,
    width_bucket(read_seq, $2::bigint[]) AS read, count(*) AS members
FROM public.room_members WHERE room_id = $1 GROUP BY 1, 2, 3;

-- name: watermarks_of
-- The watermarks of the authors named, who do not count for their own messages.
SELECT user_id, from_seq, delivered_seq, read_seq FROM public.room_members
WHERE room_id = $1 AND user_id = ANY ($2::uuid[]);
