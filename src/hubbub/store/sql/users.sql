-- Accounts. A deleted account keeps its row (its messages point to it) but loses its names.

-- name: register
-- A new account, unless its name or address is taken in any spelling of case; the locks make two at once impossible.
INSERT INTO public.users (user_id, username, email, password, display_name, avatar, role, status)
SELECT $1::uuid, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, 'offline'
WHERE NOT EXISTS (SELECT FROM public.users WHERE lower(username) = lower($2))
  AND NOT EXISTS (SELECT FROM public.users WHERE lower(email) = lower($3))
RETURNING *;

-- name: lock_names
-- Registering and renaming take these two locks, in one order, until the transaction ends.
SELECT pg_advisory_xact_lock(k) FROM (
    SELECT hashtextextended('hubbub:name:' || lower(t), 0) AS k FROM unnest($1::text[]) AS t ORDER BY 1
) AS keys;

-- name: taken
-- Which of a name and an address are taken, to say so by field.
SELECT EXISTS (SELECT FROM public.users WHERE lower(username) = lower($1)) AS username,
       EXISTS (SELECT FROM public.users WHERE lower(email) = lower($2)) AS email;

-- name: by_id
-- One account that is not deleted.
SELECT * FROM public.users WHERE user_id = $1 AND deleted_at IS NULL;

-- name: for_login
-- The account that a name or an address means: the exact spelling first, then any case, the oldest of them.
SELECT * FROM public.users
WHERE (lower(username) = lower($1) OR lower(email) = lower($1)) AND deleted_at IS NULL
ORDER BY (username = $1 OR email = $1) DESC, created_at, user_id
LIMIT 1;

-- name: page
-- Accounts by id, for the directory.
SELECT * FROM public.users
WHERE deleted_at IS NULL AND user_id > $1
ORDER BY user_id LIMIT $2 OFFSET $3;

-- name: by_name_after
-- Accounts by name after a name, for an operator; of one role, and the disabled ones alone, where that is asked for: then
-- those between are passed over, up to the whole table.
SELECT user_id, username, display_name, email, role, status, last_seen, last_login, created_at, disabled_at
FROM public.users
WHERE deleted_at IS NULL AND username > $1 AND ($3::text IS NULL OR role = $3) AND (NOT $4 OR disabled_at IS NOT NULL)
ORDER BY username LIMIT $2;

-- name: figures
-- How much an account has: rooms and messages, each counted up to `$2`, sign-ins that stand, connections.
SELECT
    (SELECT count(*) FROM (SELECT FROM public.room_members WHERE user_id = $1 AND is_active LIMIT $2) AS few) AS rooms,
    (SELECT count(*) FROM (SELECT FROM public.messages WHERE user_id = $1 LIMIT $2) AS few) AS messages,
    (SELECT count(*) FROM hubbub.auth_sessions
     WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > now()) AS sign_ins,
    (SELECT count(*) FROM public.active_sessions WHERE user_id = $1) AS connections;

-- name: count
-- How many accounts the directory has, counted up to 10,000.
SELECT count(*) FROM (SELECT FROM public.users WHERE deleted_at IS NULL LIMIT 10000) AS few;

-- name: search
-- Accounts whose name begins with the words, or whose display name holds them; the pattern's own signs are escaped by the caller.
SELECT * FROM public.users
WHERE deleted_at IS NULL AND (username ILIKE $1 || '%' OR display_name ILIKE '%' || $1 || '%')
ORDER BY (lower(username) = lower($2)) DESC, username LIMIT $3;

-- name: update_profile
-- New names for an account; a flag says which fields are given, so that null can be one of the values.
UPDATE public.users SET
    display_name = CASE WHEN $2 THEN $3 ELSE display_name END,
    avatar = CASE WHEN $4 THEN $5 ELSE avatar END,
    bio = CASE WHEN $6 THEN $7 ELSE bio END
WHERE user_id = $1 AND deleted_at IS NULL
RETURNING *;

-- name: set_password
-- A new hash: a changed password, or the same one re-hashed with today's parameters.
UPDATE public.users SET password = $2 WHERE user_id = $1 AND deleted_at IS NULL RETURNING user_id;

-- name: rehash
-- The same password under a better hash, unless it was changed meanwhile.
UPDATE public.users SET password = $3 WHERE user_id = $1 AND password = $2;

-- name: logged_in
-- Remembers the time of a login; nothing where the password is no longer the one that was verified.
UPDATE public.users SET last_login = now()
WHERE user_id = $1 AND password = $2 AND deleted_at IS NULL AND disabled_at IS NULL
RETURNING *;

-- name: set_role
-- Makes somebody an administrator, or no longer.
UPDATE public.users SET role = $2 WHERE user_id = $1 AND deleted_at IS NULL;

-- name: set_disabled
-- Nobody can sign in to the account, or use it, until it is enabled again. It keeps all that it has.
UPDATE public.users SET disabled_at = CASE WHEN $2 THEN coalesce(disabled_at, now()) END
WHERE user_id = $1 AND deleted_at IS NULL;

-- name: delete_account
-- The account is gone: nobody can sign in, and its messages are shown as a deleted user's. Its names become free again.
UPDATE public.users SET
    deleted_at = now(), status = 'offline', password = '!', bio = NULL, avatar = NULL,
    username = 'deleted-' || left(replace(user_id::text, '-', ''), 24),
    display_name = 'Deleted user',
    email = user_id::text || '@deleted.invalid'
WHERE user_id = $1 AND deleted_at IS NULL
RETURNING user_id;

-- name: leave_all_rooms
-- Ends every membership of an account; the rooms say so in their sequence.
SELECT room_id, change_seq FROM hubbub.leave_all_rooms($1::uuid);

-- name: erase_messages
-- Erasure: the next texts of an account become tombstones with no author, a bounded number at a time; says how many.
SELECT count(*) FROM hubbub.erase_messages($1::uuid, $2::integer);
