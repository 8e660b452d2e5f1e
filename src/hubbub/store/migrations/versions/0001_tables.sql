-- The seven tables of schema `public`, as a new database has them. An older backend's are brought to the same form
-- by 0001_adopt.sql instead.
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
    username varchar(50) NOT NULL,
    email varchar(255),
    password varchar(255),
    display_name varchar(100),
    avatar text,
    bio text,
    status varchar(20) NOT NULL DEFAULT 'offline',
    last_seen timestamptz DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    last_login timestamptz,
    role varchar(20) NOT NULL DEFAULT 'user',
    deleted_at timestamptz,
    disabled_at timestamptz,
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
    room_name varchar(100) NOT NULL,
    description text,
    created_by uuid,
    is_private boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_seq bigint NOT NULL DEFAULT 0,
    change_seq bigint NOT NULL DEFAULT 0,
    message_count bigint NOT NULL DEFAULT 0,
    member_count integer NOT NULL DEFAULT 0,
    last_message_at timestamptz,
    client_id varchar(64),
    deleted_at timestamptz,
    CONSTRAINT rooms_pkey PRIMARY KEY (room_id),
    CONSTRAINT rooms_room_name_key UNIQUE (room_name),
    CONSTRAINT rooms_change_seq_check CHECK (change_seq >= 0 AND change_seq <= last_seq),
    CONSTRAINT rooms_counters_check CHECK (message_count >= 0 AND member_count >= 0)
) WITH (fillfactor = 70); -- room on each page for the next version of a row whose counter moves with every message
CREATE INDEX idx_rooms_name ON public.rooms (room_name);
CREATE UNIQUE INDEX idx_rooms_client ON public.rooms (created_by, client_id) WHERE client_id IS NOT NULL;

-- The messages. `seq` is a message's place for ever, `change_seq` the number of its latest change; both are taken from
-- the room's counter. A message outlives its author. A deleted one keeps its row and its place, and loses its text.
CREATE TABLE public.messages (
    message_id uuid DEFAULT hubbub.new_id(),
    user_id uuid,
    room_id uuid NOT NULL,
    message_text text NOT NULL,
    created_at timestamptz NOT NULL, -- given by a trigger where left out: after the room's lock, later than any before
    edited_at timestamptz,
    is_deleted boolean NOT NULL DEFAULT false,
    seq bigint NOT NULL,
    change_seq bigint NOT NULL,
    client_id varchar(64),
    client_hash bytea,
    reply_to uuid,
    CONSTRAINT messages_pkey PRIMARY KEY (message_id),
    CONSTRAINT messages_room_id_seq_key UNIQUE (room_id, seq),
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
    is_active boolean NOT NULL DEFAULT true,
    from_seq bigint NOT NULL DEFAULT 0,
    delivered_seq bigint NOT NULL DEFAULT 0,
    read_seq bigint NOT NULL DEFAULT 0,
    change_seq bigint NOT NULL DEFAULT 0,
    CONSTRAINT room_members_pkey PRIMARY KEY (member_id),
    CONSTRAINT room_members_room_id_user_id_key UNIQUE (room_id, user_id),
    CONSTRAINT room_members_watermarks_check CHECK (
        from_seq >= 0 AND from_seq <= read_seq AND read_seq <= delivered_seq AND change_seq >= 0)
) WITH (fillfactor = 80); -- the watermarks move often
CREATE INDEX idx_room_members_user ON public.room_members (user_id) WHERE is_active;
CREATE INDEX idx_room_members_change ON public.room_members (room_id, change_seq);

-- The open connections: one row for each socket, removed with it, or when the process that held it (`node_id`) is gone.
CREATE TABLE public.active_sessions (
    session_id uuid DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    socket_id varchar(255),
    room_id uuid,
    connected_at timestamptz NOT NULL DEFAULT now(),
    last_activity timestamptz NOT NULL DEFAULT now(),
    node_id uuid,
    auth_session_id uuid,
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
