-- The shop's own tables, in the database that the chat is in.
CREATE SCHEMA shop;
CREATE TABLE shop.people (
    name text PRIMARY KEY,
    email text NOT NULL UNIQUE,
    is_staff boolean NOT NULL DEFAULT false,
    chat_user uuid UNIQUE -- the account in the chat, once there is one
);
CREATE TABLE shop.orders (
    order_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer text NOT NULL REFERENCES shop.people,
    what text NOT NULL,
    state text NOT NULL DEFAULT 'ordered',
    room_id uuid -- where this order is talked about
);
INSERT INTO shop.people (name, email, is_staff) VALUES
    ('ann', 'ann@example.org', false),
    ('sam', 'sam@example.org', true),
    ('shop', 'shop@example.org', true); -- who says what the shop itself has to say
