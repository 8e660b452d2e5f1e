-- Who migrates sees whether the processes that serve could go on.
ALTER TABLE hubbub.nodes ADD COLUMN revision integer;
