-- Two roles of least privilege beside the owner of the tables, who alone migrates: one to serve with, one for reports.
-- Whoever runs this owns the tables and may create roles, or is a superuser. Doing it again does no harm: it sets right what
-- was changed since. `hubbub db roles --print` prints it, `--apply` runs it, both with other names where asked.
--
-- The roles get no password here. Give each one, so that it never stands in a file or a log: \password hubbub_app

-- An account that may do everything is not made smaller by grants: refused, so that nobody takes it for small.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['hubbub_app', 'hubbub_report'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', name);
        ELSIF (SELECT r.rolsuper OR pg_has_role(r.oid, c.relowner, 'MEMBER')
               FROM pg_roles AS r, pg_class AS c
               WHERE r.rolname = name AND c.oid = 'hubbub.alembic_version'::regclass) THEN
            RAISE EXCEPTION 'the role % is a superuser, or owns the tables', name USING ERRCODE = 'HB002';
        END IF;
    END LOOP;
END
$$;

-- What either was given before by name ends. Nobody but the owner makes tables (PostgreSQL 14 lets everybody).
REVOKE ALL ON
    public.users, public.rooms, public.messages, public.message_reads, public.message_deliveries, public.room_members,
    public.active_sessions, public.messages_with_user_view, public.room_stats_view, public.active_users_view
FROM hubbub_app, hubbub_report;
REVOKE ALL ON ALL TABLES IN SCHEMA hubbub FROM hubbub_app, hubbub_report;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA hubbub FROM hubbub_app, hubbub_report;
REVOKE ALL ON SCHEMA public, hubbub FROM hubbub_app, hubbub_report;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
DO $$
BEGIN
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO hubbub_app, hubbub_report', current_database());
    EXECUTE format('REVOKE CREATE ON DATABASE %I FROM hubbub_app, hubbub_report', current_database());
END
$$;

-- To serve: every row may be read and written, and nothing else; how far the schema is may be read. What migrations add
-- is included.
GRANT USAGE ON SCHEMA public, hubbub TO hubbub_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON
    public.users, public.rooms, public.messages, public.message_reads, public.message_deliveries, public.room_members,
    public.active_sessions
TO hubbub_app;
GRANT SELECT ON public.messages_with_user_view, public.room_stats_view, public.active_users_view TO hubbub_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA hubbub TO hubbub_app;
REVOKE INSERT, UPDATE, DELETE ON hubbub.alembic_version FROM hubbub_app;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA hubbub TO hubbub_app;
DO $$
DECLARE
    owner name := (SELECT tableowner FROM pg_tables WHERE schemaname = 'hubbub' AND tablename = 'alembic_version');
BEGIN
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA public, hubbub '
        'GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO hubbub_app', owner);
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA hubbub '
        'GRANT EXECUTE ON FUNCTIONS TO hubbub_app', owner);
END
$$;

-- For reports: the three views, and the seven tables column by column, so that one that is new is hidden until somebody
-- has judged it. Left out: the passwords, and all of schema `hubbub` (tokens, sessions, texts before an edit).
GRANT USAGE ON SCHEMA public TO hubbub_report;
GRANT SELECT ON public.messages_with_user_view, public.room_stats_view, public.active_users_view TO hubbub_report;
GRANT SELECT (
    user_id, username, email, display_name, avatar, bio, status, last_seen, created_at, last_login, role, deleted_at, disabled_at
) ON public.users TO hubbub_report;
GRANT SELECT (
    room_id, room_name, description, created_by, is_private, created_at, last_seq, change_seq, message_count, member_count,
    last_message_at, client_id, deleted_at
) ON public.rooms TO hubbub_report;
GRANT SELECT (
    message_id, user_id, room_id, message_text, created_at, edited_at, is_deleted, seq, change_seq, client_id, client_hash, reply_to
) ON public.messages TO hubbub_report;
GRANT SELECT (read_id, message_id, user_id, read_at) ON public.message_reads TO hubbub_report;
GRANT SELECT (delivery_id, message_id, user_id, delivered_at) ON public.message_deliveries TO hubbub_report;
GRANT SELECT (
    member_id, room_id, user_id, joined_at, left_at, is_active, from_seq, delivered_seq, read_seq, change_seq
) ON public.room_members TO hubbub_report;
GRANT SELECT (
    session_id, user_id, socket_id, room_id, connected_at, last_activity, node_id, auth_session_id
) ON public.active_sessions TO hubbub_report;

-- What each can do now is what counts, whoever gave it: everybody (PUBLIC), a role that it may become, an attribute.
DO $$
DECLARE
    too_much text := (
        SELECT string_agg(format('%s %s%s', a.name, p.may, CASE WHEN r.rolname <> a.name THEN ', by the role ' || r.rolname END), '; ')
        FROM (VALUES ('hubbub_app'), ('hubbub_report')) AS a (name)
        JOIN pg_roles AS r ON pg_has_role(a.name, r.oid, 'MEMBER')
        CROSS JOIN LATERAL (VALUES
            ('may make roles, or replicate, or do everything',
                r.rolcreaterole OR r.rolreplication OR r.rolbypassrls OR r.rolsuper),
            ('reaches files or programs of the server',
                r.rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program')),
            ('may change the schema',
                has_schema_privilege(r.oid, 'public', 'CREATE') OR has_schema_privilege(r.oid, 'hubbub', 'CREATE')
                OR has_database_privilege(r.oid, current_database(), 'CREATE')),
            ('sees passwords',
                a.name = 'hubbub_report' AND has_column_privilege(r.oid, 'public.users', 'password', 'SELECT')),
            ('sees tokens and sessions',
                a.name = 'hubbub_report' AND has_schema_privilege(r.oid, 'hubbub', 'USAGE')),
            ('may write',
                a.name = 'hubbub_report' AND has_any_column_privilege(r.oid, 'public.messages', 'INSERT, UPDATE'))
        ) AS p (may, does)
        WHERE p.does
    );
BEGIN
    IF too_much IS NOT NULL THEN
        RAISE EXCEPTION '%', too_much USING ERRCODE = 'HB002';
    END IF;
END
$$;
