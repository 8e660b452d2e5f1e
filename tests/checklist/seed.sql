-- Every statement of the document that Hubbub began from, in its order. `{room}` and `{user}` stand for its
-- 'room-uuid' and 'user-uuid'. What it gives as an example for any table is given for one of ours.
-- Each is run through `hubbub db psql`; `--` lines are headings that the checklist prints.

-- Views
SELECT * FROM active_users_view;
SELECT * FROM room_stats_view WHERE room_name = 'general';
SELECT * FROM messages_with_user_view WHERE room_id = '{room}' ORDER BY created_at DESC;

-- View all tables, view table structure
\dt
\d users
\d rooms
\d messages
\d message_reads
\d message_deliveries
\d room_members
\d active_sessions

-- Query users
SELECT * FROM users;
SELECT * FROM users WHERE status = 'online';
SELECT * FROM users WHERE username ILIKE '%john%';

-- Query messages
SELECT * FROM messages_with_user_view WHERE room_id = (SELECT room_id FROM rooms WHERE room_name = 'general') ORDER BY created_at DESC LIMIT 50;
SELECT COUNT(*) FROM messages WHERE user_id = '{user}';

-- Query room statistics
SELECT * FROM room_stats_view;

-- Clean up old sessions, database size, table sizes
DELETE FROM active_sessions WHERE last_activity < NOW() - INTERVAL '1 hour';
SELECT pg_size_pretty(pg_database_size('chatdb'));
SELECT tablename, pg_size_pretty(pg_total_relation_size(schemaname||'.'||tablename)) AS size FROM pg_tables WHERE schemaname = 'public' ORDER BY pg_total_relation_size(schemaname||'.'||tablename) DESC;

-- Troubleshooting, limits of privileges
SHOW hba_file;
CREATE USER chatuser WITH PASSWORD 'very-strong-random-password';
GRANT ALL PRIVILEGES ON DATABASE chatdb TO chatuser;
GRANT ALL ON SCHEMA public TO chatuser;
GRANT ALL ON ALL TABLES IN SCHEMA public TO chatuser;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO chatuser;

-- Performance
CREATE INDEX idx_custom ON users(bio);
CREATE INDEX idx_username_search ON users USING gin(to_tsvector('english', username));
EXPLAIN ANALYZE SELECT * FROM messages WHERE room_id = '{room}' ORDER BY created_at DESC LIMIT 50;
VACUUM ANALYZE;

-- Monitoring
SELECT count(*) FROM pg_stat_activity WHERE datname = 'chatdb';
SELECT pid, now() - query_start as duration, query FROM pg_stat_activity WHERE state = 'active' AND now() - query_start > interval '5 seconds' ORDER BY duration DESC;
SELECT * FROM pg_stat_database WHERE datname = 'chatdb';
