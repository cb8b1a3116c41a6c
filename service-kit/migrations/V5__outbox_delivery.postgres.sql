-- A queue is written with every change and emptied as fast, so it has the indexes that it cannot do without and no other: whether
-- somebody still waits for an event is asked of each subscriber's queue, by its key. Both rows are written, and deleted, by
-- the outbox alone.
alter table outbox_delivery drop constraint outbox_delivery_position_fkey;
drop index outbox_delivery_position;
