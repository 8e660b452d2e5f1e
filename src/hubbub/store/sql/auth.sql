-- Signed-in sessions and their refresh tokens. Only hashes of tokens are stored.

-- name: open_session
-- A new signed-in session and its first refresh token.
WITH session AS (
    INSERT INTO hubbub.auth_sessions (session_id, user_id, expires_at, user_agent)
    VALUES ($1, $2, now() + make_interval(secs => $4), $5)
    RETURNING session_id, expires_at
)
INSERT INTO hubbub.refresh_tokens (token_hash, session_id, expires_at)
SELECT $3, session_id, expires_at FROM session;

-- name: lock_refresh_token
-- The token that was presented, locked so that of two who present it at once only the first finds it unused.
SELECT t.session_id, t.used_at IS NOT NULL AS used, t.expires_at <= now() AS expired,
       s.user_id, s.revoked_at IS NOT NULL AS revoked
FROM hubbub.refresh_tokens AS t JOIN hubbub.auth_sessions AS s USING (session_id)
WHERE t.token_hash = $1
FOR NO KEY UPDATE;

-- name: rotate
-- Marks the old token used and issues the new one; the session lives on.
WITH used AS (
    UPDATE hubbub.refresh_tokens SET used_at = now() WHERE token_hash = $1 RETURNING session_id
), session AS (
    UPDATE hubbub.auth_sessions AS s SET last_used_at = now(), expires_at = now() + make_interval(secs => $3)
    FROM used WHERE s.session_id = used.session_id RETURNING s.session_id, s.expires_at
)
INSERT INTO hubbub.refresh_tokens (token_hash, session_id, expires_at)
SELECT $2, session_id, expires_at FROM session;

-- name: revoke_session
-- Ends one session; its tokens are of no use from now on.
UPDATE hubbub.auth_sessions SET revoked_at = now() WHERE session_id = $1 AND revoked_at IS NULL RETURNING user_id;

-- name: revoke_others
-- Ends every session of an account but one (all, where none is named).
UPDATE hubbub.auth_sessions SET revoked_at = now()
WHERE user_id = $1 AND revoked_at IS NULL AND session_id IS DISTINCT FROM $2
RETURNING session_id;

-- name: live
-- The account behind an access token, where its session still stands: one indexed look-up per connection or request.
SELECT u.user_id, u.username, u.display_name, u.avatar, u.role
FROM hubbub.auth_sessions AS s JOIN public.users AS u USING (user_id)
WHERE s.session_id = $1 AND s.user_id = $2 AND s.revoked_at IS NULL AND s.expires_at > now()
  AND u.deleted_at IS NULL AND u.disabled_at IS NULL;

-- name: still_live
-- Of the sessions named, those that still stand, with their account's role and names: the once-a-second look that no lost
-- hint can fool.
SELECT s.session_id, u.role, coalesce(nullif(u.display_name, ''), u.username) AS display_name, u.avatar
FROM hubbub.auth_sessions AS s JOIN public.users AS u USING (user_id)
WHERE s.session_id = ANY ($1::uuid[]) AND s.revoked_at IS NULL AND s.expires_at > now()
  AND u.deleted_at IS NULL AND u.disabled_at IS NULL;

-- name: sessions_of
-- The sessions of an account that stand, the latest used first, each with its open connections.
SELECT s.session_id, s.created_at, s.last_used_at, s.expires_at, s.user_agent,
    (SELECT count(*) FROM public.active_sessions AS a
     WHERE a.user_id = s.user_id AND a.auth_session_id = s.session_id) AS connections
FROM hubbub.auth_sessions AS s
WHERE s.user_id = $1 AND s.revoked_at IS NULL AND s.expires_at > now()
ORDER BY s.last_used_at DESC, s.session_id LIMIT $2;
