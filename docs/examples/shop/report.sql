-- What was said about each order, and how long the customer waited for the first answer of a person.
SELECT o.order_id, o.customer, o.state, s.total_messages, s.last_message_at,
    (SELECT min(m.created_at) FROM messages_with_user_view AS m
     WHERE m.room_id = o.room_id AND m.username NOT IN (o.customer, 'shop')) -
    (SELECT min(m.created_at) FROM messages_with_user_view AS m
     WHERE m.room_id = o.room_id AND m.username = o.customer) AS waited
FROM shop.orders AS o JOIN room_stats_view AS s ON s.room_id = o.room_id
ORDER BY o.order_id;
-- Who is connected now.
SELECT username, active_sessions FROM active_users_view WHERE active_sessions > 0 ORDER BY username;
