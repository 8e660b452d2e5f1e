-- Each foreign key is served by an index, so that a user removed by plain SQL costs what is theirs, at any size.
-- The index of memberships holds those of the past too, in the place of the one that had only the present: to come and to go
-- costs what it did. It takes half a second for each million memberships, in which nobody can join, leave or read on.
DROP INDEX public.idx_room_members_user;
CREATE INDEX idx_room_members_user ON public.room_members (user_id, is_active);
CREATE INDEX idx_rooms_creator ON public.rooms (created_by);
