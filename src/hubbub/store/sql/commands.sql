-- What was done under a client id, kept for ever: by the id of the person and the client's own.

-- name: begin
-- Takes a client id for a command; nothing where it is taken. Who takes one that another is just taking waits for them.
INSERT INTO hubbub.commands (user_id, client_id, hash) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING client_id;

-- name: first
-- What was asked under a client id that is taken, and what was answered.
SELECT hash, answer FROM hubbub.commands WHERE user_id = $1 AND client_id = $2;

-- name: keep
-- The answer to the command that took a client id.
UPDATE hubbub.commands SET answer = $3 WHERE user_id = $1 AND client_id = $2;

-- name: forget
-- A deleted account repeats nothing.
DELETE FROM hubbub.commands WHERE user_id = $1;
