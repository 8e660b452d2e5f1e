-- Those who connect, many in one statement.

-- name: arrive
-- For each session that stands: its account, and the account's rooms, the latest used first, with counter and
-- unread (counted as by `rooms.unread`). `LATERAL (… LIMIT 1)`: see rooms.sql.
SELECT a.ord, u.user_id, u.username, u.email, u.display_name, u.avatar, u.bio, u.status, u.last_seen,
    u.last_login, u.created_at, u.role, x.room_ids, x.room_names, x.last_seqs, x.are_private, x.read_seqs, x.unread
FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS a (session_id, user_id, ord)
CROSS JOIN LATERAL (SELECT * FROM hubbub.auth_sessions AS s WHERE s.session_id = a.session_id LIMIT 1) AS s
CROSS JOIN LATERAL (SELECT * FROM public.users AS u WHERE u.user_id = a.user_id LIMIT 1) AS u
CROSS JOIN LATERAL (
    SELECT array_agg(mine.room_id) AS room_ids, array_agg(mine.room_name) AS room_names,
        array_agg(mine.last_seq) AS last_seqs, array_agg(mine.is_private) AS are_private,
        array_agg(mine.read_seq) AS read_seqs, array_agg((
            SELECT count(*) FROM (
                SELECT FROM (
                    SELECT m.user_id, m.is_deleted FROM public.messages AS m
                    WHERE m.room_id = mine.room_id AND m.seq > mine.read_seq ORDER BY m.seq LIMIT $5
                ) AS later
                WHERE NOT later.is_deleted AND later.user_id IS DISTINCT FROM a.user_id LIMIT $4
            ) AS few
        )) AS unread
    FROM (
        SELECT r.room_id, r.room_name, r.last_seq, r.is_private, b.read_seq
        FROM public.room_members AS b
        CROSS JOIN LATERAL (SELECT * FROM public.rooms AS r WHERE r.room_id = b.room_id LIMIT 1) AS r
        WHERE b.user_id = a.user_id AND b.is_active AND r.deleted_at IS NULL
        ORDER BY coalesce(r.last_message_at, r.created_at) DESC LIMIT $3
    ) AS mine
) AS x
WHERE s.user_id = a.user_id AND s.revoked_at IS NULL AND s.expires_at > now()
  AND u.deleted_at IS NULL AND u.disabled_at IS NULL;
