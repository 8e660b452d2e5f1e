-- A database as an older chat backend of Hubbub's shape leaves it, for the tests of adoption: ids from uuid-ossp,
-- nullable foreign keys, times without a zone, `updated_at` kept by triggers, no message_deliveries index, one unique
-- constraint under another name, one foreign key missing, views with other columns, and tables Hubbub does not know.
-- Rows are generated from fixed seeds; `:messages` of them go to the largest room.

CREATE TABLE users (
    user_id UUID PRIMARY KEY DEFAULT uuid_generate_v4(),
    username VARCHAR(50) NOT NULL,
    email VARCHAR(255) UNIQUE NOT NULL,
    password VARCHAR(255) NOT NULL,
    display_name VARCHAR(100),
    avatar TEXT,
    bio TEXT,
    status VARCHAR(20) DEFAULT 'offline' CHECK (status IN ('online', 'offline', 'away')),
    last_seen TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    last_login TIMESTAMP,
    CONSTRAINT unique_username UNIQUE (username)
);
CREATE INDEX idx_users_username ON users (username);
CREATE INDEX idx_users_email ON users (email);
CREATE INDEX idx_username_search ON users USING gin (to_tsvector('english', username)); -- from the older manual

CREATE TABLE rooms (
    room_id UUID PRIMARY KEY DEFAULT uuid_generate_v4(),
    room_name VARCHAR(100) UNIQUE NOT NULL,
    description TEXT,
    created_by UUID REFERENCES users (user_id),
    is_private BOOLEAN DEFAULT FALSE,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE messages (
    message_id UUID PRIMARY KEY DEFAULT uuid_generate_v4(),
    user_id UUID REFERENCES users (user_id) ON DELETE CASCADE,
    room_id UUID, -- its foreign key was forgotten
    message_text TEXT NOT NULL CHECK (length(message_text) > 0),
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    edited_at TIMESTAMP,
    is_deleted BOOLEAN DEFAULT FALSE
);
CREATE INDEX idx_messages_room ON messages (room_id); -- other than it is to be
CREATE INDEX idx_messages_created_at ON messages (created_at);

CREATE TABLE message_reads (
    read_id UUID PRIMARY KEY DEFAULT uuid_generate_v4(),
    message_id UUID REFERENCES messages (message_id) ON DELETE CASCADE,
    user_id UUID REFERENCES users (user_id) ON DELETE CASCADE,
    read_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    UNIQUE (message_id, user_id)
);

CREATE TABLE message_deliveries (
    delivery_id UUID PRIMARY KEY DEFAULT uuid_generate_v4(),
    message_id UUID REFERENCES messages (message_id) ON DELETE CASCADE,
    user_id UUID REFERENCES users (user_id) ON DELETE CASCADE,
    delivered_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE room_members (
    member_id UUID PRIMARY KEY DEFAULT uuid_generate_v4(),
    room_id UUID REFERENCES rooms (room_id) ON DELETE CASCADE,
    user_id UUID REFERENCES users (user_id) ON DELETE CASCADE,
    joined_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    left_at TIMESTAMP,
    is_active BOOLEAN DEFAULT TRUE,
    UNIQUE (room_id, user_id)
);

CREATE TABLE active_sessions (
    session_id UUID PRIMARY KEY DEFAULT uuid_generate_v4(),
    user_id UUID REFERENCES users (user_id) ON DELETE CASCADE,
    socket_id VARCHAR(255) UNIQUE NOT NULL,
    room_id UUID REFERENCES rooms (room_id) ON DELETE SET NULL,
    connected_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    last_activity TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);

-- Not Hubbub's: left alone, and so is the foreign key to users.
CREATE TABLE push_tokens (
    token TEXT PRIMARY KEY,
    username VARCHAR(50) REFERENCES users (username) ON UPDATE CASCADE,
    user_id UUID REFERENCES users (user_id)
);

CREATE FUNCTION update_updated_at_column() RETURNS TRIGGER AS $$
BEGIN
    NEW.updated_at = CURRENT_TIMESTAMP;
    RETURN NEW;
END;
$$ LANGUAGE plpgsql;
CREATE TRIGGER update_users_updated_at BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
CREATE TRIGGER update_rooms_updated_at BEFORE UPDATE ON rooms FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
CREATE TRIGGER update_messages_updated_at BEFORE UPDATE ON messages
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
ALTER TABLE rooms DISABLE TRIGGER update_rooms_updated_at; -- somebody had turned it off: it stays off

CREATE VIEW active_users_view AS
SELECT u.user_id, u.username, count(s.session_id) AS sessions
FROM users u LEFT JOIN active_sessions s ON s.user_id = u.user_id GROUP BY u.user_id;
CREATE VIEW room_stats_view AS
SELECT r.room_name, count(m.message_id) AS total_messages, max(m.created_at) AS last_message_at
FROM rooms r LEFT JOIN messages m ON m.room_id = r.room_id GROUP BY r.room_id;

-- Rows. Ids are md5 of what they are, so that a test can name them.
INSERT INTO users (user_id, username, email, password, status, created_at, updated_at)
SELECT md5('user' || n)::uuid, 'user' || n, 'user' || n || '@example.org',
    -- bcrypt of "correct horse"
    '$2b$10$UC59zOxt/qLwn26MQ.IMmeZphX9PI.xOiIr.tsFQDIdiHhkPG834O', CASE WHEN n = 1 THEN 'online' ELSE 'offline' END,
    '2024-01-01 00:00:00'::timestamp + n * interval '1 hour', '2024-02-02 02:02:02'
FROM generate_series(1, :users) AS n;

INSERT INTO rooms (room_id, room_name, created_by, is_private, created_at)
SELECT md5('room' || n)::uuid, (ARRAY['general', 'random', 'large', 'quiet'])[n], md5('user1')::uuid,
    CASE WHEN n = 2 THEN NULL ELSE n = 4 END, '2024-01-01'
FROM generate_series(1, 4) AS n;

-- general: the first 40 users. large: everybody. random: 5 users. quiet: one, who has left.
INSERT INTO room_members (room_id, user_id, joined_at, is_active, left_at)
SELECT md5('room1')::uuid, md5('user' || n)::uuid, '2024-01-01 00:00:00'::timestamp, TRUE, NULL::timestamp FROM generate_series(1, 40) AS n
UNION ALL
SELECT md5('room3')::uuid, md5('user' || n)::uuid, '2024-01-01 00:00:00', TRUE, NULL FROM generate_series(1, :users) AS n
UNION ALL
SELECT md5('room2')::uuid, md5('user' || n)::uuid, '2024-01-02 00:00:50', TRUE, NULL FROM generate_series(1, 5) AS n
UNION ALL
SELECT md5('room4')::uuid, md5('user1')::uuid, '2024-01-01'::timestamp, NULL, '2024-05-05'::timestamp;

-- Messages: many in `large`, fewer elsewhere; users 41 to 45 write in general without being members. Some share a time.
INSERT INTO messages (message_id, user_id, room_id, message_text, created_at, updated_at, edited_at, is_deleted)
SELECT md5('message3' || n)::uuid, md5('user' || 1 + n % :users)::uuid, md5('room3')::uuid, 'large ' || n,
    '2024-01-02'::timestamp + (n / 3) * interval '1 second', '2024-02-02 02:02:02'::timestamp, NULL::timestamp, n % 97 = 0
FROM generate_series(1, :messages) AS n
UNION ALL
SELECT md5('message1' || n)::uuid, md5('user' || 1 + n % 45)::uuid, md5('room1')::uuid, 'general ' || n,
    '2024-01-02'::timestamp + n * interval '1 second', '2024-02-02 02:02:02',
    CASE WHEN n % 10 = 0 THEN '2024-01-03'::timestamp END, CASE WHEN n % 11 = 0 THEN TRUE WHEN n % 2 = 0 THEN NULL ELSE FALSE END
FROM generate_series(1, 1000) AS n
UNION ALL
SELECT md5('message2' || n)::uuid, CASE WHEN n % 50 = 0 THEN NULL ELSE md5('user' || 1 + n % 5)::uuid END, md5('room2')::uuid,
    'random ' || n, '2024-01-02'::timestamp + n * interval '1 second', '2024-02-02 02:02:02', NULL, FALSE
FROM generate_series(1, 100) AS n;

-- Two messages of no room.
INSERT INTO messages (message_id, user_id, room_id, message_text, created_at)
VALUES (md5('lost1')::uuid, md5('user1')::uuid, NULL, 'lost 1', '2024-03-03'),
    (md5('lost2')::uuid, md5('user2')::uuid, md5('no such room')::uuid, 'lost 2', '2024-03-03');

-- Receipts with holes: user n of general has read every (n+1)th message up to 10n; all have been given a few more.
INSERT INTO message_reads (message_id, user_id, read_at)
SELECT md5('message1' || m)::uuid, md5('user' || n)::uuid, '2024-01-04 12:00:00'
FROM generate_series(1, 40) AS n, generate_series(1, 400) AS m
WHERE m <= 10 * n AND m % (n + 1) = 0 AND n <> 1 + m % 45;
INSERT INTO message_deliveries (message_id, user_id, delivered_at)
SELECT md5('message1' || m)::uuid, md5('user' || n)::uuid, '2024-01-04 11:00:00'
FROM generate_series(1, 40) AS n, generate_series(1, 450) AS m
WHERE m <= 10 * n + 50 AND m % 5 = 0 AND n <> 1 + m % 45;
-- In the large room some have read the middle; user 50 has read in random without being a member.
INSERT INTO message_reads (message_id, user_id, read_at)
SELECT md5('message3' || :messages / 2)::uuid, md5('user' || n)::uuid, '2024-01-04'::timestamp FROM generate_series(60, 80) AS n
UNION ALL
SELECT md5('message27')::uuid, md5('user50')::uuid, '2024-01-04'
UNION ALL
SELECT NULL, md5('user50')::uuid, '2024-01-04'; -- of no message: set aside

INSERT INTO active_sessions (user_id, socket_id, room_id)
VALUES (md5('user1')::uuid, 'a socket of before', md5('room1')::uuid);
INSERT INTO push_tokens VALUES ('token', 'user1', md5('user1')::uuid);
