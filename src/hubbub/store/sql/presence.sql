-- Connections (`active_sessions`), the leases of the processes that hold them, and who is on-line.

-- name: heartbeat
-- This process lives: its lease by the database's clock.
INSERT INTO hubbub.nodes AS n (node_id, host, lease_until) VALUES ($1, $2, now() + make_interval(secs => $3))
ON CONFLICT (node_id) DO UPDATE SET lease_until = excluded.lease_until
RETURNING n.node_id;

-- name: retire
-- This process ends: its lease and its connections go.
WITH gone AS (DELETE FROM hubbub.nodes WHERE node_id = $1)
DELETE FROM public.active_sessions WHERE node_id = $1 RETURNING user_id;

-- name: sweep
-- Removes what processes that no longer live have left behind.
WITH dead AS (
    DELETE FROM hubbub.nodes WHERE lease_until < now()
)
DELETE FROM public.active_sessions AS s
WHERE NOT EXISTS (SELECT FROM hubbub.nodes AS n WHERE n.node_id = s.node_id AND n.lease_until >= now())
RETURNING s.user_id;

-- name: opened
-- Rows for new connections, a batch at once.
INSERT INTO public.active_sessions (session_id, user_id, socket_id, node_id, auth_session_id)
SELECT o.session_id, o.user_id, o.socket_id, $4, o.auth_session_id
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $5::uuid[]) AS o (session_id, user_id, socket_id, auth_session_id)
JOIN public.users AS u ON u.user_id = o.user_id
ON CONFLICT DO NOTHING;

-- name: touched
-- Current rooms and latest activity, a batch at once.
UPDATE public.active_sessions AS s SET last_activity = greatest(s.last_activity, t.at), room_id = t.room_id
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS t (session_id, room_id, at)
WHERE s.session_id = t.session_id;

-- name: closed
-- Removes the rows of connections that ended, a batch at once.
DELETE FROM public.active_sessions WHERE session_id = ANY ($1::uuid[]);

-- name: now_online
-- Of the people named, those who were off-line and have a connection: they are on-line now.
UPDATE public.users AS u SET status = 'online', last_seen = now()
WHERE u.user_id = ANY ($1::uuid[]) AND u.status IS DISTINCT FROM 'online' AND u.deleted_at IS NULL
  AND EXISTS (SELECT FROM public.active_sessions AS s WHERE s.user_id = u.user_id)
RETURNING u.user_id, u.username, u.display_name, u.last_seen;

-- name: now_offline
-- Of the people named, those without any connection: they are off-line now.
UPDATE public.users AS u SET status = 'offline', last_seen = now()
WHERE u.user_id = ANY ($1::uuid[]) AND u.status IS DISTINCT FROM 'offline'
  AND NOT EXISTS (SELECT FROM public.active_sessions AS s WHERE s.user_id = u.user_id)
RETURNING u.user_id, u.username, u.display_name, u.last_seen;

-- name: all_offline
-- At start, after a crash: whoever is called on-line without a connection is not.
UPDATE public.users AS u SET status = 'offline'
WHERE u.status = 'online' AND NOT EXISTS (SELECT FROM public.active_sessions AS s WHERE s.user_id = u.user_id);

-- name: set_status
-- What a person says of themselves with `update-online-status`.
UPDATE public.users SET status = $2, last_seen = now() WHERE user_id = $1 AND deleted_at IS NULL
RETURNING user_id, username, display_name, last_seen;

-- name: rooms_of
-- The rooms in which people's coming and going is told: theirs, up to a size, the first `$3` of each.
SELECT u.user_id, x.room_ids
FROM unnest($1::uuid[]) AS u (user_id)
CROSS JOIN LATERAL (
    SELECT array_agg(few.room_id) AS room_ids FROM (
        SELECT m.room_id FROM public.room_members AS m JOIN public.rooms AS r USING (room_id)
        WHERE m.user_id = u.user_id AND m.is_active AND r.member_count <= $2 LIMIT $3
    ) AS few
) AS x;
