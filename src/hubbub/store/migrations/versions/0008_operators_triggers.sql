-- What an operator's trigger adds to a write of the server's is told, as all plain SQL is; explained in schema.sql.
DROP TRIGGER hubbub_tell ON public.rooms;
CREATE TRIGGER hubbub_tell AFTER UPDATE ON public.rooms
    FOR EACH ROW WHEN (
        old.last_seq <> new.last_seq
        AND (current_setting('hubbub.writer', true) IS DISTINCT FROM 'server' OR pg_trigger_depth() > 1)
    ) EXECUTE FUNCTION hubbub.tell_room();

CREATE OR REPLACE FUNCTION hubbub.tell_coming(room uuid, person uuid, number bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('hubbub.writer', true) IS DISTINCT FROM 'server' OR pg_trigger_depth() > 1 THEN
        PERFORM hubbub.tell(concat_ws(' ', 'joined', room, person, number));
    END IF;
END
$$;
