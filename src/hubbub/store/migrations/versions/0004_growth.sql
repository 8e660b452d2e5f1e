-- Unread messages are counted from the index alone, and other people's private rooms are not passed over in a list.
-- On millions of messages the new index takes a minute or more, in which nobody can write.
ALTER TABLE public.messages
    DROP CONSTRAINT messages_room_id_seq_key,
    ADD CONSTRAINT messages_room_id_seq_key UNIQUE (room_id, seq) INCLUDE (user_id, is_deleted);
CREATE INDEX idx_rooms_public ON public.rooms (room_name) WHERE NOT is_private AND deleted_at IS NULL;
