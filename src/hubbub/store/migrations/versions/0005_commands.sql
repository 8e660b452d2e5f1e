-- What people did under a client id, for ever: a repeat is given the first answer, and does nothing. Sends and new rooms
-- have theirs in their own rows (`client_id`). `hash` is the SHA-256 of what was asked, `answer` the JSON that was answered.
CREATE TABLE hubbub.commands (
    user_id uuid,
    client_id varchar(64),
    hash bytea NOT NULL,
    answer text,
    done_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT commands_pkey PRIMARY KEY (user_id, client_id),
    CONSTRAINT commands_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users ON DELETE CASCADE
);
