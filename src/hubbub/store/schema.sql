-- Hubbub's database as it is today, whole, from top to bottom. For readers: a database is made and kept by migrations/,
-- and a test compares what they make with this file. A change is written twice: here, and as the next migration. It is
-- one long file because that is its use: everything the database knows, on one page.
--
-- The seven tables and three views of schema `public` are for everybody, and so is writing them with plain SQL: triggers
-- see to the order of a room, its counters and its receipts. What is in schema `hubbub` is the server's own. `hubbub_`
-- begins the name of each trigger, because the tables may have others of the operator's.
--
-- One law explains most of what follows: every lasting change of a room takes the room's next number, in the transaction
-- that writes it, under a lock on the room's row. So numbers have no gaps, and their order is the order of commits.

CREATE SCHEMA IF NOT EXISTS hubbub;

-- A new message id: a UUID of version 7 (RFC 9562, 5.7), whose first 48 bits are the time in milliseconds. Written in
-- SQL so that it is the same function on every server: a backup made on one version is restored on any other.
CREATE FUNCTION hubbub.new_id() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT encode(
        set_bit(set_bit(overlay(
            uuid_send(gen_random_uuid())
            PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
            FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
$$;

-- The accounts. A deleted one keeps its row, because its messages point to it. `email` and `password` are null for guests.
CREATE TABLE public.users (
    user_id uuid DEFAULT gen_random_uuid(),
    username varchar(50) NOT NULL, -- ASCII, compared without regard to case
    email varchar(255), -- shown to its owner and to administrators alone
    password varchar(255), -- a hash, argon2id or bcrypt
    display_name varchar(100), -- what others see
    avatar text, -- an http(s) address, or a path on this server
    bio text,
    status varchar(20) NOT NULL DEFAULT 'offline', -- `online` or `offline`, kept by the servers
    last_seen timestamptz DEFAULT now(), -- kept by the servers
    created_at timestamptz NOT NULL DEFAULT now(),
    last_login timestamptz,
    role varchar(20) NOT NULL DEFAULT 'user',
    deleted_at timestamptz, -- set: the account is gone, its messages stay
    disabled_at timestamptz, -- set: nobody can sign in with it
    CONSTRAINT users_pkey PRIMARY KEY (user_id),
    CONSTRAINT users_username_key UNIQUE (username),
    CONSTRAINT users_email_key UNIQUE (email),
    CONSTRAINT users_role_check CHECK (role = 'user' OR role = 'admin' OR role = 'guest')
);
CREATE INDEX idx_users_username ON public.users (username);
CREATE INDEX idx_users_email ON public.users (email);
CREATE INDEX idx_users_status ON public.users (status);
CREATE INDEX idx_users_username_lower ON public.users (lower(username));
CREATE INDEX idx_users_email_lower ON public.users (lower(email));

-- The rooms. `last_seq` is the room's counter: each change of the room takes the next number. `change_seq` is the
-- number of the latest change of the room itself. The other counters spare every reader a count.
CREATE TABLE public.rooms (
    room_id uuid DEFAULT gen_random_uuid(),
    room_name varchar(100) NOT NULL, -- how clients may name the room, beside its id
    description text,
    created_by uuid, -- who may change the room, beside administrators
    is_private boolean NOT NULL DEFAULT false, -- for members alone: to others it is not there
    created_at timestamptz NOT NULL DEFAULT now(),
    last_seq bigint NOT NULL DEFAULT 0, -- the room's counter
    change_seq bigint NOT NULL DEFAULT 0, -- its value at the latest change of this row
    message_count bigint NOT NULL DEFAULT 0, -- those that are deleted left out
    member_count integer NOT NULL DEFAULT 0, -- who is a member now
    last_message_at timestamptz,
    client_id varchar(64), -- what its maker called the request, so that a repeat makes no second room
    deleted_at timestamptz, -- set: the room is gone for everybody
    CONSTRAINT rooms_pkey PRIMARY KEY (room_id),
    CONSTRAINT rooms_room_name_key UNIQUE (room_name),
    CONSTRAINT rooms_change_seq_check CHECK (change_seq >= 0 AND change_seq <= last_seq),
    CONSTRAINT rooms_counters_check CHECK (message_count >= 0 AND member_count >= 0)
) WITH (fillfactor = 70); -- room on each page for the next version of a row whose counter moves with every message
CREATE INDEX idx_rooms_name ON public.rooms (room_name);
CREATE INDEX idx_rooms_public ON public.rooms (room_name) WHERE NOT is_private AND deleted_at IS NULL;
CREATE INDEX idx_rooms_creator ON public.rooms (created_by);
CREATE UNIQUE INDEX idx_rooms_client ON public.rooms (created_by, client_id) WHERE client_id IS NOT NULL;

-- The messages. `seq` is a message's place for ever, `change_seq` the number of its latest change; both are taken from
-- the room's counter. A message outlives its author. A deleted one keeps its row and its place, and loses its text.
CREATE TABLE public.messages (
    message_id uuid DEFAULT hubbub.new_id(),
    user_id uuid, -- null once its author is erased
    room_id uuid NOT NULL,
    message_text text NOT NULL, -- empty once it is deleted
    created_at timestamptz NOT NULL, -- given by a trigger where left out: after the room's lock, later than any before
    edited_at timestamptz,
    is_deleted boolean NOT NULL DEFAULT false,
    seq bigint NOT NULL, -- its place in the room, for ever
    change_seq bigint NOT NULL, -- the room's number of its latest change, `seq` until there is one
    client_id varchar(64), -- what its author called it, so that a repeat makes no second one
    client_hash bytea, -- SHA-256 of what was sent under that name
    reply_to uuid, -- the message that it answers
    CONSTRAINT messages_pkey PRIMARY KEY (message_id),
    CONSTRAINT messages_room_id_seq_key UNIQUE (room_id, seq)
        INCLUDE (user_id, is_deleted), -- so that what is unread is counted without fetching the messages
    CONSTRAINT messages_change_seq_check CHECK (seq >= 0 AND change_seq >= seq)
);
CREATE INDEX idx_messages_room ON public.messages (room_id, created_at DESC);
CREATE INDEX idx_messages_user ON public.messages (user_id);
CREATE INDEX idx_messages_change ON public.messages (room_id, change_seq);
CREATE INDEX idx_messages_reply ON public.messages (reply_to) WHERE reply_to IS NOT NULL;
CREATE UNIQUE INDEX idx_messages_client ON public.messages (user_id, client_id) WHERE client_id IS NOT NULL;

-- Who has read which message, in rooms small enough for rows; the watermarks of room_members know it for every room.
CREATE TABLE public.message_reads (
    read_id uuid DEFAULT gen_random_uuid(),
    message_id uuid NOT NULL,
    user_id uuid NOT NULL,
    read_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT message_reads_pkey PRIMARY KEY (read_id),
    CONSTRAINT message_reads_message_id_user_id_key UNIQUE (message_id, user_id)
);
CREATE INDEX idx_message_reads_user ON public.message_reads (user_id);

-- Who has been given which message; as message_reads.
CREATE TABLE public.message_deliveries (
    delivery_id uuid DEFAULT gen_random_uuid(),
    message_id uuid NOT NULL,
    user_id uuid NOT NULL,
    delivered_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT message_deliveries_pkey PRIMARY KEY (delivery_id),
    CONSTRAINT message_deliveries_message_id_user_id_key UNIQUE (message_id, user_id)
);
CREATE INDEX idx_message_deliveries_user ON public.message_deliveries (user_id);

-- Who is, or was, in which room. A member has been given messages (from_seq, delivered_seq] and read (from_seq, read_seq]:
-- the watermarks. `change_seq` is the room's number of the latest coming or going.
CREATE TABLE public.room_members (
    member_id uuid DEFAULT gen_random_uuid(),
    room_id uuid NOT NULL,
    user_id uuid NOT NULL,
    joined_at timestamptz NOT NULL DEFAULT now(),
    left_at timestamptz,
    is_active boolean NOT NULL DEFAULT true, -- false: was a member, and is no more
    from_seq bigint NOT NULL DEFAULT 0, -- the room's counter at the coming
    delivered_seq bigint NOT NULL DEFAULT 0,
    read_seq bigint NOT NULL DEFAULT 0,
    change_seq bigint NOT NULL DEFAULT 0,
    CONSTRAINT room_members_pkey PRIMARY KEY (member_id),
    CONSTRAINT room_members_room_id_user_id_key UNIQUE (room_id, user_id),
    CONSTRAINT room_members_watermarks_check CHECK (
        from_seq >= 0 AND from_seq <= read_seq AND read_seq <= delivered_seq AND change_seq >= 0)
) WITH (fillfactor = 80); -- the watermarks move often
CREATE INDEX idx_room_members_user ON public.room_members (user_id, is_active);
CREATE INDEX idx_room_members_change ON public.room_members (room_id, change_seq);

-- The open connections: one row for each socket, removed with it, or when the process that held it (`node_id`) is gone.
CREATE TABLE public.active_sessions (
    session_id uuid DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    socket_id varchar(255), -- the connection's id, as Socket.IO names it
    room_id uuid, -- the room joined last
    connected_at timestamptz NOT NULL DEFAULT now(),
    last_activity timestamptz NOT NULL DEFAULT now(),
    node_id uuid, -- the process that holds it
    auth_session_id uuid, -- the sign-in it came by
    CONSTRAINT active_sessions_pkey PRIMARY KEY (session_id)
);
CREATE INDEX idx_active_sessions_socket ON public.active_sessions (socket_id);
CREATE INDEX idx_active_sessions_user ON public.active_sessions (user_id);
CREATE INDEX idx_active_sessions_room ON public.active_sessions (room_id);
CREATE INDEX idx_active_sessions_node ON public.active_sessions (node_id);

-- The foreign keys, in the order in which a deletion is to follow them: see "Who waits for whom" below.
ALTER TABLE public.active_sessions
    ADD CONSTRAINT active_sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users ON DELETE CASCADE,
    ADD CONSTRAINT active_sessions_room_id_fkey FOREIGN KEY (room_id) REFERENCES public.rooms ON DELETE SET NULL;
ALTER TABLE public.message_deliveries
    ADD CONSTRAINT message_deliveries_message_id_fkey FOREIGN KEY (message_id) REFERENCES public.messages ON DELETE CASCADE,
    ADD CONSTRAINT message_deliveries_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users ON DELETE CASCADE;
ALTER TABLE public.message_reads
    ADD CONSTRAINT message_reads_message_id_fkey FOREIGN KEY (message_id) REFERENCES public.messages ON DELETE CASCADE,
    ADD CONSTRAINT message_reads_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users ON DELETE CASCADE;
ALTER TABLE public.messages
    ADD CONSTRAINT messages_reply_to_fkey FOREIGN KEY (reply_to) REFERENCES public.messages ON DELETE SET NULL,
    ADD CONSTRAINT messages_room_id_fkey FOREIGN KEY (room_id) REFERENCES public.rooms ON DELETE CASCADE,
    ADD CONSTRAINT messages_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users ON DELETE SET NULL;
ALTER TABLE public.room_members
    ADD CONSTRAINT room_members_room_id_fkey FOREIGN KEY (room_id) REFERENCES public.rooms ON DELETE CASCADE,
    ADD CONSTRAINT room_members_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users ON DELETE CASCADE;
ALTER TABLE public.rooms
    ADD CONSTRAINT rooms_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.users ON DELETE SET NULL;

-- The rooms that a new Hubbub starts with. Inserted here once: one that an operator deletes does not come back.
INSERT INTO public.rooms (room_name, description) VALUES
    ('general', 'For everybody, about everything'),
    ('random', 'Whatever fits nowhere else'),
    ('tech', 'About technology');

-- Which migration this database has reached. Written by store/migrate.py; Alembic's form.
CREATE TABLE hubbub.alembic_version (
    version_num varchar(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

-- What the database knows of itself: `epoch` (changes when a backup is restored, and cursors of before mean nothing),
-- `receipt_rows_max_members` (the largest room that gets receipt rows), `max_message_bytes` (the longest text that
-- `post_message` takes), `compat` (the oldest revision whose code may serve).
CREATE TABLE hubbub.meta (
    key text,
    value text NOT NULL,
    CONSTRAINT meta_pkey PRIMARY KEY (key)
);
INSERT INTO hubbub.meta (key, value) VALUES
    ('epoch', gen_random_uuid()::text),
    ('receipt_rows_max_members', '100'),
    ('max_message_bytes', '16384'),
    ('compat', '9');

-- The texts that messages had before. `edited_by` names nobody where plain SQL wrote. Deleting a message forgets them.
CREATE TABLE hubbub.message_edits (
    message_id uuid,
    edit_no integer,
    message_text text NOT NULL,
    edited_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    edited_by uuid,
    CONSTRAINT message_edits_pkey PRIMARY KEY (message_id, edit_no),
    CONSTRAINT message_edits_message_id_fkey FOREIGN KEY (message_id) REFERENCES public.messages ON DELETE CASCADE
);

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

-- Who is signed in, where.
CREATE TABLE hubbub.auth_sessions (
    session_id uuid DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    user_agent text,
    CONSTRAINT auth_sessions_pkey PRIMARY KEY (session_id),
    CONSTRAINT auth_sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users ON DELETE CASCADE
);
CREATE INDEX idx_auth_sessions_user ON hubbub.auth_sessions (user_id);
CREATE INDEX idx_auth_sessions_expires ON hubbub.auth_sessions (expires_at);

-- SHA-256 of each refresh token that was issued; one that is presented a second time ends its session.
CREATE TABLE hubbub.refresh_tokens (
    token_hash bytea,
    session_id uuid NOT NULL,
    issued_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT refresh_tokens_pkey PRIMARY KEY (token_hash),
    CONSTRAINT refresh_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES hubbub.auth_sessions ON DELETE CASCADE
);
CREATE INDEX idx_refresh_tokens_session ON hubbub.refresh_tokens (session_id);

-- The processes that serve this database. One whose lease has run out is gone, and its connections with it.
CREATE TABLE hubbub.nodes (
    node_id uuid,
    started_at timestamptz NOT NULL DEFAULT now(),
    lease_until timestamptz NOT NULL,
    host text,
    address text, -- host:port, for the other nodes; workers of one machine share one
    revision integer, -- the newest of the schema that its code knows
    CONSTRAINT nodes_pkey PRIMARY KEY (node_id)
);

-- Who waits for whom
--
-- Every transaction takes its row locks in this order, so that no two can wait for each other:
--   users (key share)  <  messages  <  room_members, by (room_id, user_id)  <  receipt rows  <  rooms, by room_id.
-- The room's row comes last because its counter is what everybody wants: it is held from the taking of the number to
-- the commit, which makes the order of numbers the order of commits, and numbers gap-free.
--   a send           users, the messages replied to, rooms; then rows nobody else can see yet
--   an edit          its message, its room
--   a client id      its row of hubbub.commands, before all of these: who repeats a command waits there, holding nothing
--   a coming/going   its user, its member row, its room
--   receipts         their users, messages and member rows; then rows of receipts, in order of their messages' places
--   removing rows    messages or members, then their rooms; removing a user: its keys lead through all of these in order
-- Foreign keys would take key-share locks on users and messages after the room's lock; the functions below take them
-- before. A statement that changes messages or members of several rooms locks those rows, then the rooms in order, then
-- changes them: hubbub.leave_all_rooms and hubbub.erase_messages do. Outside the order stands only what removes rows of
-- rooms, or of messages that were replied to (Hubbub itself marks them deleted): if that meets an edit or an erasure of
-- the same rows, PostgreSQL may have to end one of the two, which is then to be done again.

-- All names in the functions carry their schema, so that they work in any session and in any order of a restore. Their
-- search path is set all the same, with `public` in it for the operator's own triggers that they may set off.

-- The time for the next message of a room whose row is locked: now, but later than its latest one, if the clock was set
-- back by less than a minute. So the order of created_at is that of seq.
CREATE FUNCTION hubbub.next_time(latest timestamptz) RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT CASE
        WHEN latest >= clock_timestamp() AND latest < clock_timestamp() + interval '1 minute'
        THEN latest + interval '1 microsecond'
        ELSE clock_timestamp()
    END
$$;

-- What plain SQL writes is told to the servers, who read it then: a NOTIFY on the channel `hubbub_sql`, heard after the
-- commit and never after a rollback. It says where to look and nothing else; equal words of one transaction are told once.
-- The server's own writes are told by the server itself, after the commit: a NOTIFY takes a lock over all databases until
-- its transaction has committed, which would cost most of the commit rate. They say whose they are by the setting
-- `hubbub.writer` = 'server', never for longer than a transaction: through a pooler a session is anybody's. What an
-- operator's trigger adds to them is not theirs: it comes by a trigger inside that trigger.
-- Half a full queue is told nothing more, because a full one fails whoever commits: the look once a second finds it all.
CREATE FUNCTION hubbub.tell(words text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF pg_notification_queue_usage() < 0.5 THEN
        PERFORM pg_notify('hubbub_sql', words);
    END IF;
END
$$;

-- In a statement of the server: true, and its changes are the server's until the transaction ends.
CREATE FUNCTION hubbub.by_server() RETURNS boolean LANGUAGE sql VOLATILE AS $$
    SELECT set_config('hubbub.writer', 'server', true) = 'server'
$$;

-- Every lasting change of a room moves its counter, or removes its row; so this tells of all there are.
CREATE FUNCTION hubbub.tell_room() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    PERFORM hubbub.tell('room ' || coalesce(new.room_id, old.room_id));
    RETURN NULL;
END
$$;
CREATE TRIGGER hubbub_tell_gone AFTER DELETE ON public.rooms FOR EACH ROW EXECUTE FUNCTION hubbub.tell_room();
CREATE TRIGGER hubbub_tell AFTER UPDATE ON public.rooms
    FOR EACH ROW WHEN (
        old.last_seq <> new.last_seq
        AND (current_setting('hubbub.writer', true) IS DISTINCT FROM 'server' OR pg_trigger_depth() > 1)
    ) EXECUTE FUNCTION hubbub.tell_room();

-- Group commit: stores a batch of sends, and says of each what became of it. Element i of each array belongs to send i.
--   stored      it has its place; the row says which
--   duplicate   it was stored before, under this id or by this user with this client id; the row is that of the first
--   conflict    as duplicate, but the text or the room is another; the row names the first, nothing is stored
--   not_found   no such room, or no active member of it, or no live account
--   bad_reply   what it replies to is not a message of this room
-- A send that cannot be stored leaves its neighbours alone. Of equal client ids in one batch the first counts. Two
-- batches that send the same client id to different rooms at once may end in a unique violation: then send them again.
--
-- A batch in which nothing stands out, as nearly all are, is stored by a few short statements; any other is judged row
-- by row. Each statement is planned once for a connection and for batches of any size, perhaps while the tables were
-- empty. So none may be answered by reading a table or a person's messages whole, which is cheapest then: base tables are
-- met by `= ANY` of the batch's keys, or by a subquery for one row; and where several indexes would do, an ORDER BY that
-- only the right one has (`>= … ORDER BY … LIMIT 1`, then compared) leaves no choice.
CREATE FUNCTION hubbub.append_messages(
    ids uuid[], users uuid[], rooms uuid[], texts text[], client_ids text[], reply_tos uuid[]
) RETURNS TABLE (ord integer, outcome text, message_id uuid, seq bigint, change_seq bigint, created_at timestamptz)
LANGUAGE plpgsql
SET search_path = pg_catalog, public
SET plan_cache_mode = force_generic_plan -- planning a batch again costs more than storing it
SET enable_seqscan = off -- a plan made while the tables were small must not outlive that
AS $$
#variable_conflict use_column
DECLARE
    places bigint[]; -- for each send, if all are stored: its seq
    times timestamptz[]; -- and its created_at
    is_twice boolean := false; -- an id, or a client id of one person, stands in the batch twice
BEGIN
    PERFORM hubbub.by_server();
    PERFORM FROM public.users AS u WHERE u.user_id = ANY (users) ORDER BY u.user_id FOR KEY SHARE;
    IF array_remove(reply_tos, NULL) <> '{}' THEN
        PERFORM FROM public.messages AS m WHERE m.message_id = ANY (reply_tos) ORDER BY m.message_id FOR KEY SHARE;
    END IF;
    SELECT array_agg(p.base + p.place ORDER BY p.ord),
        array_agg(p.start + (p.place - 1) * interval '1 microsecond' ORDER BY p.ord)
    INTO places, times
    FROM (
        SELECT g.ord, r.last_seq AS base, row_number() OVER here AS place,
            first_value(hubbub.next_time(r.last_message_at)) OVER here AS start
        FROM unnest(rooms) WITH ORDINALITY AS g (room_id, ord)
        JOIN (
            SELECT r.room_id, r.last_seq, r.last_message_at, r.deleted_at FROM public.rooms AS r
            WHERE r.room_id = ANY (rooms) ORDER BY r.room_id FOR NO KEY UPDATE
        ) AS r ON r.room_id = g.room_id AND r.deleted_at IS NULL
        WINDOW here AS (PARTITION BY g.room_id ORDER BY g.ord)
    ) AS p;
    -- From here on nobody else can change these rooms; the statements below see all that was committed before.

    IF cardinality(ids) > 1 THEN
        is_twice := (SELECT count(DISTINCT g.id) < count(g.id) FROM unnest(ids) AS g (id)) OR EXISTS (
            SELECT FROM unnest(users, client_ids) AS g (user_id, client_id) WHERE g.client_id IS NOT NULL
            GROUP BY g.user_id, g.client_id HAVING count(*) > 1);
    END IF;
    IF array_position(ids, NULL) IS NOT NULL THEN
        ids := ARRAY(SELECT coalesce(g.id, hubbub.new_id()) FROM unnest(ids) WITH ORDINALITY AS g (id, ord) ORDER BY g.ord);
    END IF;
    IF NOT is_twice AND cardinality(places) = cardinality(ids)
        AND NOT EXISTS (SELECT FROM public.messages AS m WHERE m.message_id = ANY (ids))
        AND NOT EXISTS (
            SELECT FROM public.users AS u
            WHERE u.user_id = ANY (users) AND (u.deleted_at IS NOT NULL OR u.disabled_at IS NOT NULL))
        AND NOT EXISTS (
            SELECT FROM unnest(users, rooms, client_ids, reply_tos) AS g (user_id, room_id, client_id, reply_to)
            WHERE (
                SELECT x.user_id = g.user_id AND x.is_active FROM public.room_members AS x
                WHERE x.room_id = g.room_id AND x.user_id >= g.user_id ORDER BY x.user_id LIMIT 1) IS NOT TRUE
            OR g.client_id = (
                SELECT m.client_id FROM public.messages AS m
                WHERE m.user_id = g.user_id AND m.client_id >= g.client_id ORDER BY m.client_id LIMIT 1)
            OR g.reply_to IS NOT NULL AND g.room_id IS DISTINCT FROM (
                SELECT m.room_id FROM public.messages AS m WHERE m.message_id = g.reply_to))
    THEN
        UPDATE public.rooms AS r SET
            last_seq = c.latest_seq,
            message_count = r.message_count + c.messages,
            last_message_at = greatest(r.last_message_at, c.latest_at)
        FROM (
            SELECT g.room_id, count(*) AS messages, max(g.seq) AS latest_seq, max(g.at) AS latest_at
            FROM unnest(rooms, places, times) AS g (room_id, seq, at) GROUP BY g.room_id
        ) AS c
        WHERE r.room_id = c.room_id AND r.room_id = ANY (rooms);
        INSERT INTO public.messages
            (message_id, user_id, room_id, message_text, created_at, seq, change_seq, client_id, client_hash, reply_to)
        SELECT g.id, g.user_id, g.room_id, g.text, g.at, g.seq, g.seq, g.client_id,
            CASE WHEN g.client_id IS NOT NULL THEN sha256(convert_to(g.text, 'UTF8')) END, g.reply_to
        FROM unnest(ids, users, rooms, texts, client_ids, reply_tos, places, times)
            AS g (id, user_id, room_id, text, client_id, reply_to, seq, at);
        RETURN QUERY
        SELECT g.ord::integer, 'stored', g.id, g.seq, g.seq, g.at
        FROM unnest(ids, places, times) WITH ORDINALITY AS g (id, seq, at, ord);
        RETURN;
    END IF;

    RETURN QUERY
    WITH given AS MATERIALIZED (
        SELECT g.ord::integer, g.id, g.user_id, g.room_id, g.text, g.client_id, g.reply_to,
            CASE WHEN g.client_id IS NOT NULL THEN sha256(convert_to(g.text, 'UTF8')) END AS hash
        FROM unnest(ids, users, rooms, texts, client_ids, reply_tos)
            WITH ORDINALITY AS g (id, user_id, room_id, text, client_id, reply_to, ord)
    ), judged AS MATERIALIZED (
        SELECT g.*, f.message_id AS first_id, f.seq AS first_seq, f.change_seq AS first_change, f.created_at AS first_at,
            CASE
                WHEN f.message_id IS NOT NULL THEN CASE
                    WHEN f.user_id IS NOT DISTINCT FROM g.user_id AND f.room_id = g.room_id
                        AND (f.client_hash IS NULL OR g.hash IS NULL OR f.client_hash = g.hash)
                    THEN 'duplicate' ELSE 'conflict' END
                WHEN (
                    SELECT x.user_id = g.user_id AND x.is_active FROM public.room_members AS x
                    WHERE x.room_id = g.room_id AND x.user_id >= g.user_id ORDER BY x.user_id LIMIT 1
                ) IS NOT TRUE OR (
                    SELECT r.deleted_at IS NULL FROM public.rooms AS r WHERE r.room_id = g.room_id
                ) IS NOT TRUE OR (
                    SELECT u.deleted_at IS NULL AND u.disabled_at IS NULL FROM public.users AS u WHERE u.user_id = g.user_id
                ) IS NOT TRUE THEN 'not_found'
                WHEN g.reply_to IS NOT NULL AND g.room_id IS DISTINCT FROM (
                    SELECT m.room_id FROM public.messages AS m WHERE m.message_id = g.reply_to
                ) THEN 'bad_reply'
            END AS verdict
        FROM given AS g
        LEFT JOIN LATERAL (
            SELECT m.* FROM public.messages AS m WHERE m.message_id = g.id
            UNION ALL
            SELECT m.* FROM (
                SELECT m.* FROM public.messages AS m
                WHERE m.user_id = g.user_id AND m.client_id >= g.client_id ORDER BY m.client_id LIMIT 1
            ) AS m WHERE m.client_id = g.client_id
            LIMIT 1
        ) AS f ON true
    ), ranked AS (
        SELECT j.*,
            first_value(j.ord) OVER (PARTITION BY j.verdict IS NULL, j.id ORDER BY j.ord) AS same_id,
            CASE WHEN j.client_id IS NOT NULL THEN first_value(j.ord) OVER (
                PARTITION BY j.verdict IS NULL, j.user_id, j.client_id ORDER BY j.ord) ELSE j.ord END AS same_client
        FROM judged AS j
    ), fresh AS MATERIALIZED (
        SELECT k.*, row_number() OVER (PARTITION BY k.room_id ORDER BY k.ord) AS place
        FROM ranked AS k WHERE k.verdict IS NULL AND k.same_id = k.ord AND k.same_client = k.ord
    ), stage AS MATERIALIZED (
        SELECT r.room_id, r.last_seq AS base, hubbub.next_time(r.last_message_at) AS start, c.places
        FROM (SELECT n.room_id, max(n.place) AS places FROM fresh AS n GROUP BY n.room_id) AS c
        JOIN public.rooms AS r ON r.room_id = c.room_id AND r.room_id = ANY (rooms)
    ), placed AS MATERIALIZED (
        SELECT n.*, s.base + n.place AS new_seq, s.start + (n.place - 1) * interval '1 microsecond' AS new_at
        FROM fresh AS n JOIN stage AS s ON s.room_id = n.room_id
    ), counted AS (
        UPDATE public.rooms AS r SET
            last_seq = s.base + s.places,
            message_count = r.message_count + s.places,
            last_message_at = greatest(r.last_message_at, s.start + (s.places - 1) * interval '1 microsecond')
        FROM stage AS s WHERE r.room_id = s.room_id AND r.room_id = ANY (rooms)
    ), inserted AS (
        INSERT INTO public.messages
            (message_id, user_id, room_id, message_text, created_at, seq, change_seq, client_id, client_hash, reply_to)
        SELECT p.id, p.user_id, p.room_id, p.text, p.new_at, p.new_seq, p.new_seq, p.client_id, p.hash, p.reply_to
        FROM placed AS p ORDER BY p.ord
    )
    SELECT k.ord,
        CASE
            WHEN k.verdict IS NOT NULL THEN k.verdict
            WHEN p.ord = k.ord THEN 'stored'
            WHEN p.user_id = k.user_id AND p.room_id = k.room_id AND p.hash IS NOT DISTINCT FROM k.hash THEN 'duplicate'
            ELSE 'conflict'
        END,
        coalesce(k.first_id, p.id), coalesce(k.first_seq, p.new_seq), coalesce(k.first_change, p.new_seq),
        coalesce(k.first_at, p.new_at)
    FROM ranked AS k
    LEFT JOIN placed AS p ON k.verdict IS NULL AND p.ord = least(k.same_id, k.same_client)
    ORDER BY k.ord;
END
$$;

-- A message that plain SQL inserts takes its place. One that brings its own `seq` (a batch, a restored backup) has it
-- already. A row that is there already takes no number, so that ON CONFLICT DO NOTHING leaves no gap.
CREATE FUNCTION hubbub.place_message() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
    room public.rooms;
BEGIN
    PERFORM FROM public.users AS u WHERE u.user_id = new.user_id FOR KEY SHARE;
    PERFORM FROM public.messages AS m WHERE m.message_id = new.reply_to FOR KEY SHARE;
    SELECT r.* INTO room FROM public.rooms AS r WHERE r.room_id = new.room_id FOR NO KEY UPDATE;
    new.created_at := coalesce(new.created_at, hubbub.next_time(room.last_message_at));
    IF room.room_id IS NULL OR EXISTS (SELECT FROM public.messages AS m WHERE m.message_id = new.message_id)
        OR EXISTS (SELECT FROM public.messages AS m WHERE m.user_id = new.user_id AND m.client_id = new.client_id)
    THEN
        new.seq := 0;
        new.change_seq := 0;
        RETURN new; -- never stored: the conflict, or the foreign key, is reported now
    END IF;
    IF new.reply_to IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.messages AS m WHERE m.message_id = new.reply_to AND m.room_id = new.room_id
    ) THEN
        RAISE foreign_key_violation USING
            MESSAGE = 'a reply must be to a message of the same room', CONSTRAINT = 'messages_reply_to_fkey',
            TABLE = 'messages', SCHEMA = 'public';
    END IF;
    IF new.is_deleted THEN
        new.message_text := '';
    END IF;
    new.seq := room.last_seq + 1;
    new.change_seq := new.seq;
    UPDATE public.rooms AS r SET
        last_seq = new.seq,
        message_count = r.message_count + (NOT new.is_deleted)::integer,
        last_message_at = greatest(r.last_message_at, new.created_at)
    WHERE r.room_id = new.room_id;
    RETURN new;
END
$$;
CREATE TRIGGER hubbub_place BEFORE INSERT ON public.messages
    FOR EACH ROW WHEN (new.seq IS NULL) EXECUTE FUNCTION hubbub.place_message();

-- A message that an application sends in a transaction of its own, held to what a client is held to: its author is a
-- member of the room and may sign in, the text is neither blank nor longer than HUBBUB_MAX_MESSAGE_BYTES. Room and author are
-- named by id or by name. The same client id of the same author never makes a second message: the first one is answered,
-- as a duplicate. It takes locks as a send does, and keeps the room's until the transaction ends.
--   P0002  no such room, or no active member of it by that name, or no live account
--   22001  the text is too long
--   22023  the text is blank; or the client id is not of 1 to 64 printable ASCII characters
--   23505  this client id was used for another text, or in another room
-- It runs with the rights of its owner, so that it may be all that a role is allowed; so a role has to be allowed it.
CREATE FUNCTION hubbub.post_message(room text, author text, message text, client_id text DEFAULT NULL)
RETURNS TABLE (message_id uuid, seq bigint, created_at timestamptz, duplicate boolean) LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    is_id constant text := '^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$';
    most constant integer := (SELECT k.value::integer FROM hubbub.meta AS k WHERE k.key = 'max_message_bytes');
    room_id uuid;
    user_id uuid;
    stored record;
BEGIN
    IF octet_length(convert_to(message, 'UTF8')) > most THEN
        RAISE string_data_right_truncation USING
            MESSAGE = format('a message may have at most %s bytes of UTF-8', most);
    ELSIF message IS NULL OR btrim(message, E' \t\n\x0b\f\r\x1c\x1d\x1e\x1f\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004'
        '\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000') = '' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'the text is empty';
    ELSIF client_id !~ '^[!-~]{1,64}$' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'a client id has 1 to 64 printable ASCII characters';
    END IF;
    IF room ~ is_id THEN
        room_id := (SELECT r.room_id FROM public.rooms AS r WHERE r.room_id = post_message.room::uuid);
    END IF;
    IF author ~ is_id THEN
        user_id := (SELECT u.user_id FROM public.users AS u WHERE u.user_id = post_message.author::uuid);
    END IF;
    room_id := coalesce(room_id, (SELECT r.room_id FROM public.rooms AS r WHERE r.room_name = post_message.room));
    user_id := coalesce(user_id, (SELECT u.user_id FROM public.users AS u WHERE u.username = post_message.author));
    SELECT a.* INTO stored FROM hubbub.append_messages(
        ARRAY[NULL::uuid], ARRAY[user_id], ARRAY[room_id], ARRAY[post_message.message], ARRAY[post_message.client_id],
        ARRAY[NULL::uuid]) AS a;
    PERFORM set_config('hubbub.writer', '', true);
    IF stored.outcome = 'conflict' THEN
        RAISE unique_violation USING
            MESSAGE = 'this client id was used for another message', CONSTRAINT = 'idx_messages_client',
            TABLE = 'messages', SCHEMA = 'public';
    ELSIF stored.outcome NOT IN ('stored', 'duplicate') THEN
        RAISE no_data_found USING MESSAGE = 'there is no such room, or no such member of it';
    END IF;
    IF stored.outcome = 'stored' THEN
        PERFORM hubbub.tell('room ' || room_id);
    END IF;
    RETURN QUERY SELECT stored.message_id, stored.seq, stored.created_at, stored.outcome = 'duplicate';
END
$$;
REVOKE ALL ON FUNCTION hubbub.post_message(text, text, text, text) FROM PUBLIC;

-- An edited or deleted message takes the room's next number as its `change_seq`. An edit keeps the text before it; a
-- deletion empties the text and forgets the earlier ones, and a deleted message has no text to edit.
-- Who edits is told by the setting `hubbub.actor` (a user id), where it is set.
CREATE FUNCTION hubbub.change_message() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    IF new.is_deleted THEN
        new.message_text := '';
        new.client_hash := NULL;
        IF old.is_deleted THEN
            RETURN new;
        END IF;
        DELETE FROM hubbub.message_edits AS e WHERE e.message_id = old.message_id;
    ELSIF NOT old.is_deleted THEN
        INSERT INTO hubbub.message_edits (message_id, edit_no, message_text, edited_by)
        SELECT old.message_id, coalesce(max(e.edit_no), 0) + 1, old.message_text,
            nullif(current_setting('hubbub.actor', true), '')::uuid
        FROM hubbub.message_edits AS e WHERE e.message_id = old.message_id;
        IF new.edited_at IS NOT DISTINCT FROM old.edited_at THEN
            new.edited_at := clock_timestamp();
        END IF;
    END IF;
    UPDATE public.rooms AS r SET
        last_seq = r.last_seq + 1,
        message_count = r.message_count + old.is_deleted::integer - new.is_deleted::integer
    WHERE r.room_id = old.room_id
    RETURNING r.last_seq INTO new.change_seq;
    RETURN new;
END
$$;
CREATE TRIGGER hubbub_change BEFORE UPDATE OF message_text, is_deleted ON public.messages
    FOR EACH ROW WHEN (
        old.message_text IS DISTINCT FROM new.message_text OR old.is_deleted IS DISTINCT FROM new.is_deleted
    ) EXECUTE FUNCTION hubbub.change_message();

-- A message never changes its room or its place, a membership neither its room nor its user.
CREATE FUNCTION hubbub.refuse_move() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    RAISE integrity_constraint_violation USING
        MESSAGE = format('a row of %s keeps its room and its place', tg_table_name),
        HINT = 'Insert a new row, and delete this one.';
END
$$;
CREATE TRIGGER hubbub_keep BEFORE UPDATE OF room_id, seq ON public.messages
    FOR EACH ROW WHEN (old.room_id <> new.room_id OR old.seq <> new.seq) EXECUTE FUNCTION hubbub.refuse_move();
CREATE TRIGGER hubbub_keep BEFORE UPDATE OF room_id, user_id ON public.room_members
    FOR EACH ROW WHEN (old.room_id <> new.room_id OR old.user_id <> new.user_id) EXECUTE FUNCTION hubbub.refuse_move();

-- Rows of messages that are removed for good leave the room's counters right. No row is left to hold the number of that
-- change, so the room holds it: clients see that the room has changed.
CREATE FUNCTION hubbub.forget_messages() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    PERFORM FROM public.rooms AS r WHERE r.room_id IN (SELECT g.room_id FROM gone AS g)
    ORDER BY r.room_id FOR NO KEY UPDATE;
    UPDATE public.rooms AS r SET
        last_seq = r.last_seq + 1,
        change_seq = r.last_seq + 1,
        message_count = r.message_count - g.live,
        last_message_at = (
            SELECT m.created_at FROM public.messages AS m WHERE m.room_id = r.room_id ORDER BY m.created_at DESC LIMIT 1)
    FROM (SELECT x.room_id, count(*) FILTER (WHERE NOT x.is_deleted) AS live FROM gone AS x GROUP BY x.room_id) AS g
    WHERE r.room_id = g.room_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER hubbub_forget AFTER DELETE ON public.messages
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION hubbub.forget_messages();

-- Whom plain SQL lets in hears the room from then on, where they are connected, even if nobody heard it there before.
CREATE FUNCTION hubbub.tell_coming(room uuid, person uuid, number bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('hubbub.writer', true) IS DISTINCT FROM 'server' OR pg_trigger_depth() > 1 THEN
        PERFORM hubbub.tell(concat_ws(' ', 'joined', room, person, number));
    END IF;
END
$$;

-- Somebody becomes a member: the membership takes the room's next number, and reading begins there. A row that brings
-- its `change_seq` (a restored backup) is left as it is. Where a row is there already, nothing is taken: that is a
-- conflict, and ON CONFLICT decides; its row is locked first, as a going does.
CREATE FUNCTION hubbub.place_member() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
    counter bigint;
BEGIN
    PERFORM FROM public.users AS u WHERE u.user_id = new.user_id FOR KEY SHARE;
    PERFORM FROM public.room_members AS x WHERE x.room_id = new.room_id AND x.user_id = new.user_id FOR NO KEY UPDATE;
    IF FOUND THEN
        RETURN new;
    END IF;
    SELECT r.last_seq INTO counter FROM public.rooms AS r WHERE r.room_id = new.room_id FOR NO KEY UPDATE;
    IF NOT FOUND OR EXISTS (
        SELECT FROM public.room_members AS x WHERE x.room_id = new.room_id AND x.user_id = new.user_id
    ) THEN
        RETURN new;
    END IF;
    counter := counter + 1;
    UPDATE public.rooms AS r SET last_seq = counter, member_count = r.member_count + 1 WHERE r.room_id = new.room_id;
    new.change_seq := counter;
    new.from_seq := counter;
    new.read_seq := counter;
    new.delivered_seq := counter;
    PERFORM hubbub.tell_coming(new.room_id, new.user_id, counter);
    RETURN new;
END
$$;
CREATE TRIGGER hubbub_place BEFORE INSERT ON public.room_members
    FOR EACH ROW WHEN (new.is_active AND new.change_seq = 0) EXECUTE FUNCTION hubbub.place_member();

-- A member goes, or comes back: the change takes the room's next number. Who comes back goes on reading where they
-- stopped; who was never active before begins now.
CREATE FUNCTION hubbub.change_member() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    UPDATE public.rooms AS r SET
        last_seq = r.last_seq + 1,
        member_count = r.member_count + new.is_active::integer - old.is_active::integer
    WHERE r.room_id = old.room_id
    RETURNING r.last_seq INTO new.change_seq;
    IF new.is_active THEN
        new.left_at := NULL;
        IF old.change_seq = 0 THEN
            new.from_seq := new.change_seq;
            new.read_seq := new.change_seq;
            new.delivered_seq := new.change_seq;
        END IF;
        PERFORM hubbub.tell_coming(new.room_id, new.user_id, new.change_seq);
    ELSIF new.left_at IS NULL THEN
        new.left_at := clock_timestamp();
    END IF;
    RETURN new;
END
$$;
CREATE TRIGGER hubbub_change BEFORE UPDATE OF is_active ON public.room_members
    FOR EACH ROW WHEN (old.is_active <> new.is_active) EXECUTE FUNCTION hubbub.change_member();

-- Rows of memberships that are removed for good; as with messages, the room holds the number of the change.
CREATE FUNCTION hubbub.forget_members() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    PERFORM FROM public.rooms AS r WHERE r.room_id IN (SELECT g.room_id FROM gone AS g)
    ORDER BY r.room_id FOR NO KEY UPDATE;
    UPDATE public.rooms AS r SET
        last_seq = r.last_seq + 1,
        change_seq = r.last_seq + 1,
        member_count = r.member_count - g.active
    FROM (SELECT x.room_id, count(*) FILTER (WHERE x.is_active) AS active FROM gone AS x GROUP BY x.room_id) AS g
    WHERE r.room_id = g.room_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER hubbub_forget AFTER DELETE ON public.room_members
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION hubbub.forget_members();

-- A new name, description or privacy of a room, and its deletion, take the room's next number.
CREATE FUNCTION hubbub.change_room() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    new.last_seq := old.last_seq + 1;
    new.change_seq := new.last_seq;
    RETURN new;
END
$$;
CREATE TRIGGER hubbub_change BEFORE UPDATE OF room_name, description, is_private, deleted_at ON public.rooms
    FOR EACH ROW WHEN (
        old.room_name IS DISTINCT FROM new.room_name OR old.description IS DISTINCT FROM new.description
        OR old.is_private IS DISTINCT FROM new.is_private OR old.deleted_at IS DISTINCT FROM new.deleted_at
    ) EXECUTE FUNCTION hubbub.change_room();

-- Receipts that plain SQL inserts lock their reader's membership first, as whoever adds receipt rows must: so nobody waits
-- for rows of one who waits for the membership. The server, which has done so for a whole batch, says that it has with
-- the setting `hubbub.receipts` = 'server', and then neither this trigger nor the next one runs.
CREATE FUNCTION hubbub.lock_reader() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
    room uuid;
BEGIN
    PERFORM FROM public.users AS u WHERE u.user_id = new.user_id FOR KEY SHARE;
    SELECT m.room_id INTO room FROM public.messages AS m WHERE m.message_id = new.message_id FOR KEY SHARE;
    PERFORM FROM public.room_members AS x WHERE x.room_id = room AND x.user_id = new.user_id FOR NO KEY UPDATE;
    RETURN new;
END
$$;
CREATE TRIGGER hubbub_lock BEFORE INSERT ON public.message_reads
    FOR EACH ROW WHEN (current_setting('hubbub.receipts', true) IS DISTINCT FROM 'server')
    EXECUTE FUNCTION hubbub.lock_reader();
CREATE TRIGGER hubbub_lock BEFORE INSERT ON public.message_deliveries
    FOR EACH ROW WHEN (current_setting('hubbub.receipts', true) IS DISTINCT FROM 'server')
    EXECUTE FUNCTION hubbub.lock_reader();

-- Adds the receipt rows of a member for the messages of a room between the places from which and to which their
-- watermarks moved. One does not receive one's own messages.
CREATE FUNCTION hubbub.fill_receipts(
    room uuid, person uuid, delivered_from bigint, delivered_to bigint, read_from bigint, read_to bigint
) RETURNS void LANGUAGE sql VOLATILE SET search_path = pg_catalog, public AS $$
    INSERT INTO public.message_deliveries (message_id, user_id)
    SELECT m.message_id, person FROM public.messages AS m
    WHERE m.room_id = room AND m.seq > delivered_from AND m.seq <= delivered_to AND m.user_id IS DISTINCT FROM person
    ORDER BY m.seq FOR KEY SHARE
    ON CONFLICT (message_id, user_id) DO NOTHING;
    INSERT INTO public.message_reads (message_id, user_id)
    SELECT m.message_id, person FROM public.messages AS m
    WHERE m.room_id = room AND m.seq > read_from AND m.seq <= read_to AND m.user_id IS DISTINCT FROM person
    ORDER BY m.seq FOR KEY SHARE
    ON CONFLICT (message_id, user_id) DO NOTHING;
$$;

-- Receipts that plain SQL inserts raise the watermarks of their readers, who have thereby read (or been given) all that
-- came before; in small rooms the rows for that are added too. What is read has been delivered. Rows that a watermark
-- covers already change nothing. Rows of people who are no members are kept, and not counted.
CREATE FUNCTION hubbub.raise_watermarks() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
    is_read constant boolean := tg_table_name = 'message_reads';
    small boolean;
    mark record;
BEGIN
    PERFORM set_config('hubbub.receipts', 'server', true);
    FOR mark IN
        SELECT x.member_id, x.room_id, x.user_id, x.delivered_seq, x.read_seq,
            greatest(x.delivered_seq, t.top) AS to_delivered,
            CASE WHEN is_read THEN greatest(x.read_seq, t.top) ELSE x.read_seq END AS to_read
        FROM public.room_members AS x
        JOIN (
            SELECT m.room_id, f.user_id, max(m.seq) AS top
            FROM fresh AS f JOIN public.messages AS m ON m.message_id = f.message_id
            GROUP BY m.room_id, f.user_id
        ) AS t ON t.room_id = x.room_id AND t.user_id = x.user_id
        WHERE CASE WHEN is_read THEN x.read_seq ELSE x.delivered_seq END < t.top
        ORDER BY x.room_id, x.user_id
        FOR NO KEY UPDATE OF x
    LOOP
        UPDATE public.room_members AS x SET read_seq = mark.to_read, delivered_seq = mark.to_delivered
        WHERE x.member_id = mark.member_id;
        IF mark.to_delivered > mark.delivered_seq THEN
            PERFORM hubbub.tell(concat_ws(' ', 'delivered', mark.room_id, mark.user_id));
        END IF;
        IF mark.to_read > mark.read_seq THEN
            PERFORM hubbub.tell(concat_ws(' ', 'read', mark.room_id, mark.user_id));
        END IF;
        SELECT r.member_count <= k.value::integer INTO small
        FROM public.rooms AS r, hubbub.meta AS k
        WHERE r.room_id = mark.room_id AND k.key = 'receipt_rows_max_members';
        IF small THEN
            PERFORM hubbub.fill_receipts(
                mark.room_id, mark.user_id, mark.delivered_seq, mark.to_delivered, mark.read_seq, mark.to_read);
        END IF;
    END LOOP;
    PERFORM set_config('hubbub.receipts', '', true);
    RETURN NULL;
END
$$;
CREATE TRIGGER hubbub_raise AFTER INSERT ON public.message_reads
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT
    WHEN (current_setting('hubbub.receipts', true) IS DISTINCT FROM 'server')
    EXECUTE FUNCTION hubbub.raise_watermarks();
CREATE TRIGGER hubbub_raise AFTER INSERT ON public.message_deliveries
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT
    WHEN (current_setting('hubbub.receipts', true) IS DISTINCT FROM 'server')
    EXECUTE FUNCTION hubbub.raise_watermarks();

-- Ends every membership of a person, in the order of locks; says which rooms, and with which number each.
CREATE FUNCTION hubbub.leave_all_rooms(person uuid) RETURNS TABLE (room_id uuid, change_seq bigint) LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
#variable_conflict use_column
DECLARE
    chosen uuid[]; -- these and no others: one that begins meanwhile would not have its room locked in order
BEGIN
    PERFORM hubbub.by_server();
    chosen := ARRAY(
        SELECT x.member_id FROM public.room_members AS x WHERE x.user_id = person AND x.is_active
        ORDER BY x.room_id FOR NO KEY UPDATE);
    PERFORM FROM public.rooms AS r WHERE r.room_id IN (
        SELECT x.room_id FROM public.room_members AS x WHERE x.member_id = ANY (chosen)
    ) ORDER BY r.room_id FOR NO KEY UPDATE;
    RETURN QUERY
    UPDATE public.room_members AS x SET is_active = false, left_at = now()
    WHERE x.member_id = ANY (chosen)
    RETURNING x.room_id, x.change_seq;
END
$$;

-- Erasure: makes tombstones without an author of up to `most` messages of a person, in the order of locks; says which.
CREATE FUNCTION hubbub.erase_messages(person uuid, most integer) RETURNS TABLE (message_id uuid, room_id uuid)
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
#variable_conflict use_column
DECLARE
    chosen uuid[];
BEGIN
    PERFORM hubbub.by_server();
    chosen := ARRAY(
        SELECT m.message_id FROM public.messages AS m WHERE m.user_id = person ORDER BY m.message_id LIMIT most FOR NO KEY UPDATE);
    PERFORM FROM public.rooms AS r WHERE r.room_id IN (
        SELECT m.room_id FROM public.messages AS m WHERE m.message_id = ANY (chosen)
    ) ORDER BY r.room_id FOR NO KEY UPDATE;
    RETURN QUERY
    UPDATE public.messages AS m SET is_deleted = true, message_text = '', user_id = NULL
    WHERE m.message_id = ANY (chosen)
    RETURNING m.message_id, m.room_id;
END
$$;

-- Messages with their author and their receipts. The counts come from the watermarks, in rooms of any size, and are
-- taken for the rows of the answer only. A message whose author is gone says so.
CREATE VIEW public.messages_with_user_view AS
SELECT m.message_id, m.message_text, m.created_at, m.edited_at, m.is_deleted, m.room_id, m.user_id,
    CASE WHEN u.user_id IS NULL OR u.deleted_at IS NOT NULL THEN 'deleted user' ELSE u.username END AS username,
    CASE WHEN u.user_id IS NULL OR u.deleted_at IS NOT NULL THEN 'Deleted user' ELSE u.display_name END AS display_name,
    CASE WHEN u.deleted_at IS NULL THEN u.avatar END AS avatar,
    (SELECT count(*) FROM public.room_members AS x
     WHERE x.room_id = m.room_id AND x.from_seq < m.seq AND x.read_seq >= m.seq
        AND x.user_id IS DISTINCT FROM m.user_id) AS read_count,
    (SELECT count(*) FROM public.room_members AS x
     WHERE x.room_id = m.room_id AND x.from_seq < m.seq AND x.delivered_seq >= m.seq
        AND x.user_id IS DISTINCT FROM m.user_id) AS delivery_count,
    m.seq, m.change_seq, m.reply_to
FROM public.messages AS m LEFT JOIN public.users AS u ON u.user_id = m.user_id;

-- The rooms and their figures, from the counters: nothing is counted but the connections.
CREATE VIEW public.room_stats_view AS
SELECT r.room_id, r.room_name, r.message_count AS total_messages, r.member_count::bigint AS total_members,
    (SELECT count(DISTINCT s.user_id) FROM public.active_sessions AS s WHERE s.room_id = r.room_id) AS active_users,
    r.last_message_at
FROM public.rooms AS r WHERE r.deleted_at IS NULL;

-- The people and how many connections each has.
CREATE VIEW public.active_users_view AS
SELECT u.user_id, u.username, u.display_name, u.avatar, u.status, u.last_seen,
    (SELECT count(*) FROM public.active_sessions AS s WHERE s.user_id = u.user_id) AS active_sessions
FROM public.users AS u WHERE u.deleted_at IS NULL;
