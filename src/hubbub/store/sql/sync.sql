-- Sync: the present state of all that changed after a number, in pages.

-- name: look
-- For pairs of a person and a room, each room that is not deleted, with that person's membership.
-- `LATERAL (… LIMIT 1)`: see rooms.sql.
SELECT a.ord, r.*, m.is_active, m.from_seq, m.delivered_seq, m.read_seq
FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS a (user_id, room_id, ord)
JOIN LATERAL (SELECT * FROM public.rooms AS r WHERE r.room_id = a.room_id LIMIT 1) AS r ON r.deleted_at IS NULL
LEFT JOIN LATERAL (
    SELECT * FROM public.room_members AS m WHERE m.room_id = a.room_id AND m.user_id = a.user_id LIMIT 1
) AS m ON true;

-- name: changed_members
-- Memberships of a room that changed after a number, in order of that change.
SELECT x.user_id, x.is_active, x.change_seq, u.display_name, u.avatar,
    CASE WHEN u.deleted_at IS NULL THEN u.username ELSE 'deleted user' END AS username
FROM public.room_members AS x JOIN public.users AS u USING (user_id)
WHERE x.room_id = $1 AND x.change_seq > $2
ORDER BY x.change_seq LIMIT $3;
