-- A request for a session that another node has is forwarded there.
ALTER TABLE hubbub.nodes ADD COLUMN address text;
