-- Messages. The page statements give the same columns; `author_*` are null once the account is deleted or erased.

-- name: append
-- Group commit: stores a batch of sends in one statement; see hubbub.append_messages in schema.sql.
SELECT ord, outcome, message_id, seq, change_seq, created_at
FROM hubbub.append_messages($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::uuid[]);

-- name: before
-- A page of a room that ends before a place, newest first.
SELECT m.*, u.username AS author_username, u.display_name AS author_display_name, u.avatar AS author_avatar
FROM public.messages AS m LEFT JOIN public.users AS u ON u.user_id = m.user_id AND u.deleted_at IS NULL
WHERE m.room_id = $1 AND m.seq < $2
ORDER BY m.seq DESC LIMIT $3 OFFSET $4;

-- name: after
-- A page of a room that begins after a place, oldest first.
SELECT m.*, u.username AS author_username, u.display_name AS author_display_name, u.avatar AS author_avatar
FROM public.messages AS m LEFT JOIN public.users AS u ON u.user_id = m.user_id AND u.deleted_at IS NULL
WHERE m.room_id = $1 AND m.seq > $2
ORDER BY m.seq LIMIT $3;

-- name: changed_after
-- The present state of every message of a room whose latest change is newer, in order of that change.
SELECT m.*, u.username AS author_username, u.display_name AS author_display_name, u.avatar AS author_avatar
FROM public.messages AS m LEFT JOIN public.users AS u ON u.user_id = m.user_id AND u.deleted_at IS NULL
WHERE m.room_id = $1 AND m.change_seq > $2
ORDER BY m.change_seq LIMIT $3;

-- name: by_id
-- One message, with the room it is in.
SELECT m.*, u.username AS author_username, u.display_name AS author_display_name, u.avatar AS author_avatar
FROM public.messages AS m LEFT JOIN public.users AS u ON u.user_id = m.user_id AND u.deleted_at IS NULL
WHERE m.message_id = $1;

-- name: edit
-- A new text, by its author while a member; a trigger keeps the old one, with who changed it, and takes the room's next number.
UPDATE public.messages AS m SET message_text = $3
FROM (SELECT set_config('hubbub.actor', $2::uuid::text, true) AS is_set) AS actor
WHERE actor.is_set <> '' AND m.message_id = $1 AND m.user_id = $2 AND NOT m.is_deleted AND hubbub.by_server()
  AND EXISTS (SELECT FROM public.room_members AS x WHERE x.room_id = m.room_id AND x.user_id = $2 AND x.is_active)
RETURNING m.change_seq, m.message_text, m.edited_at;

-- name: delete
-- A tombstone, by its author while a member, by who made the room, or by an administrator (`$3`).
UPDATE public.messages AS m SET is_deleted = true
WHERE m.message_id = $1 AND NOT m.is_deleted AND hubbub.by_server() AND (
    $3
    OR EXISTS (SELECT FROM public.rooms AS r WHERE r.room_id = m.room_id AND r.created_by = $2)
    OR (m.user_id = $2 AND EXISTS (
        SELECT FROM public.room_members AS x WHERE x.room_id = m.room_id AND x.user_id = $2 AND x.is_active))
)
RETURNING m.change_seq;

-- name: edits
-- The texts a message had before, oldest first.
SELECT message_text, edited_at, edited_by FROM hubbub.message_edits
WHERE message_id = $1 ORDER BY edit_no LIMIT $2;

-- name: rooms_of
-- In which room each of these messages is.
SELECT message_id, room_id FROM public.messages WHERE message_id = ANY ($1::uuid[]);

-- name: at
-- The messages at some places of rooms.
SELECT m.message_id, m.room_id, m.seq, m.user_id
FROM unnest($1::uuid[], $2::bigint[]) AS p (room_id, seq)
JOIN public.messages AS m ON m.room_id = p.room_id AND m.seq = p.seq;

-- name: export
-- Every message of a room in order, or those of a time: read by a cursor, from its first place to its last.
SELECT m.message_id, m.seq, m.change_seq, m.user_id, u.username, u.display_name, m.message_text, m.created_at,
    m.edited_at, m.is_deleted, m.reply_to
FROM public.messages AS m LEFT JOIN public.users AS u ON u.user_id = m.user_id AND u.deleted_at IS NULL
WHERE m.room_id = $1 AND ($2::timestamptz IS NULL OR m.created_at >= $2) AND ($3::timestamptz IS NULL OR m.created_at < $3)
ORDER BY m.seq;
