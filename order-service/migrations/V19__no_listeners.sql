-- Messages to customers and webhooks are written by the move that they tell of. The listeners that used to write them from
-- the outbox are gone, and with them what the outbox kept for them.
delete from outbox_delivery where subscriber_id in
    (select subscriber_id from outbox_subscriber where name in ('notifications', 'webhooks'));
delete from relay_lease where subscriber_id in
    (select subscriber_id from outbox_subscriber where name in ('notifications', 'webhooks'));
delete from outbox_subscriber where name in ('notifications', 'webhooks');
delete from outbox_event where not exists
    (select 1 from outbox_delivery d where d.position = outbox_event.position);
