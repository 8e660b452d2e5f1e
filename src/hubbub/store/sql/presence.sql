-- Connections (`active_sessions`), the leases of the processes that hold them, and who is on-line.

-- name: take_lease
-- This process begins as a node: its lease by the database's clock. No row: its code is too old for this schema.
INSERT INTO hubbub.nodes (node_id, host, address, revision, lease_until)
SELECT $1::uuid, $2::text, $3::text, $4::integer, now() + make_interval(secs => $5)
FROM hubbub.meta AS k WHERE k.key = 'compat' AND k.value::integer <= $4
RETURNING node_id;

-- name: renew_lease
-- This process lives. No row: another has swept it, and it is this node no longer.
UPDATE hubbub.nodes SET lease_until = now() + make_interval(secs => $2) WHERE node_id = $1 RETURNING node_id;

-- name: addresses
-- Where the processes that live are reached by each other.
SELECT DISTINCT n.address FROM hubbub.nodes AS n WHERE n.lease_until >= now() AND n.address IS NOT NULL;

-- name: node_stands
-- Has nobody swept this process? Asked where the lease cannot be renewed because nothing can be written.
SELECT EXISTS (SELECT FROM hubbub.nodes WHERE node_id = $1);

-- name: retire
-- This process ends: its lease and its connections go; whose those were was seen until now.
WITH node AS (
    DELETE FROM hubbub.nodes WHERE node_id = $1
), gone AS (
    DELETE FROM public.active_sessions WHERE node_id = $1 RETURNING user_id
)
UPDATE public.users SET last_seen = now() WHERE user_id IN (
    SELECT u.user_id FROM public.users AS u WHERE u.user_id IN (SELECT g.user_id FROM gone AS g)
    ORDER BY u.user_id FOR NO KEY UPDATE
);

-- name: others_live
-- Is there another process that lives?
SELECT EXISTS (SELECT FROM hubbub.nodes WHERE lease_until >= now() AND node_id <> $1);

-- name: sweep
-- Removes the nodes whose lease has run out, with their connections, and connections of nodes that are not there; one
-- process does so at a time, the others need not wait. A node that renews its lease at this moment is not swept.
WITH mine AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(hashtext('hubbub.nodes')) AS got
), dead AS (
    DELETE FROM hubbub.nodes AS n USING mine WHERE mine.got AND n.lease_until < now() RETURNING n.node_id
)
DELETE FROM public.active_sessions AS s USING mine
WHERE mine.got AND (
    s.node_id IS NULL
    OR s.node_id IN (SELECT d.node_id FROM dead AS d)
    OR NOT EXISTS (SELECT FROM hubbub.nodes AS n WHERE n.node_id = s.node_id)
);

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
-- Removes the rows of connections that ended, a batch at once; whose they were was seen until now.
WITH gone AS (
    DELETE FROM public.active_sessions WHERE session_id = ANY ($1::uuid[]) RETURNING user_id
)
UPDATE public.users SET last_seen = now() WHERE user_id IN (
    SELECT u.user_id FROM public.users AS u WHERE u.user_id IN (SELECT g.user_id FROM gone AS g)
    ORDER BY u.user_id FOR NO KEY UPDATE
);

-- name: now_online
-- Of the people named, those who were off-line and have a connection: they are on-line now.
UPDATE public.users AS u SET status = 'online', last_seen = now()
WHERE u.user_id IN (
    SELECT c.user_id FROM public.users AS c
    WHERE c.user_id = ANY ($1::uuid[]) AND c.status IS DISTINCT FROM 'online' AND c.deleted_at IS NULL
      AND EXISTS (SELECT FROM public.active_sessions AS s WHERE s.user_id = c.user_id)
    ORDER BY c.user_id FOR NO KEY UPDATE
)
RETURNING u.user_id, u.username, u.display_name, u.last_seen;

-- name: now_offline
-- Of the people named, those who have had no connection to any process for `$2` seconds: they are off-line now.
UPDATE public.users AS u SET status = 'offline'
WHERE u.user_id IN (
    SELECT c.user_id FROM public.users AS c
    WHERE c.user_id = ANY ($1::uuid[]) AND c.status IS DISTINCT FROM 'offline'
      AND coalesce(c.last_seen, '-infinity') <= now() - make_interval(secs => $2)
      AND NOT EXISTS (SELECT FROM public.active_sessions AS s WHERE s.user_id = c.user_id)
    ORDER BY c.user_id FOR NO KEY UPDATE
)
RETURNING u.user_id, u.username, u.display_name, u.last_seen;

-- name: strays
-- The same of whoever is called on-line, at most 1,000 at once: the process that held their last connection may be gone.
UPDATE public.users AS u SET status = 'offline'
WHERE u.user_id IN (
    SELECT c.user_id FROM public.users AS c
    WHERE c.status = 'online' AND coalesce(c.last_seen, '-infinity') <= now() - make_interval(secs => $1)
      AND NOT EXISTS (SELECT FROM public.active_sessions AS s WHERE s.user_id = c.user_id)
    ORDER BY c.user_id LIMIT 1000 FOR NO KEY UPDATE
)
RETURNING u.user_id, u.username, u.display_name, u.last_seen;

-- name: set_status
-- What a person says of themselves with `update-online-status`.
UPDATE public.users SET status = $2, last_seen = now() WHERE user_id = $1 AND deleted_at IS NULL
RETURNING user_id, username, display_name, last_seen;

-- name: rooms_of
-- The rooms in which people's coming and going is told, the first `$3` of each person: up to `$2` members by name, in
-- larger ones as a number.
SELECT u.user_id, x.small, x.large
FROM unnest($1::uuid[]) AS u (user_id)
CROSS JOIN LATERAL (
    SELECT array_agg(few.room_id) FILTER (WHERE few.member_count <= $2) AS small,
        array_agg(few.room_id) FILTER (WHERE few.member_count > $2) AS large
    FROM (
        SELECT m.room_id, r.member_count FROM public.room_members AS m JOIN public.rooms AS r USING (room_id)
        WHERE m.user_id = u.user_id AND m.is_active LIMIT $3
    ) AS few
) AS x;

-- name: page
-- The connections by id after an id, of everybody or of one person, with the process that holds each: one whose process is
-- gone is swept soon.
SELECT s.session_id, u.username, r.room_name AS room, s.connected_at, s.last_activity, s.socket_id, s.node_id, n.host,
    coalesce(n.lease_until >= now(), false) AS is_held
FROM public.active_sessions AS s JOIN public.users AS u USING (user_id)
LEFT JOIN public.rooms AS r ON r.room_id = s.room_id LEFT JOIN hubbub.nodes AS n ON n.node_id = s.node_id
WHERE s.session_id > $1 AND ($3::uuid IS NULL OR s.user_id = $3)
ORDER BY s.session_id LIMIT $2;
