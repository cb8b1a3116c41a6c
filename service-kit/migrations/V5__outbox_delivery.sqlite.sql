-- A queue is written with every change and emptied as fast, so it has the indexes that it cannot do without and no other: its rows
-- stand in the order of its key, and whether somebody still waits for an event is asked of each subscriber's queue, by that
-- key. Both rows are written, and deleted, by the outbox alone.
alter table outbox_delivery rename to outbox_queue;

create table outbox_delivery (
    subscriber_id integer not null references outbox_subscriber (subscriber_id),
    position integer not null,
    -- Repeated from the event, so that one index tells which subjects are held.
    subject text not null,
    -- Not before this instant, and nothing later of its subject either. The largest bigint: parked.
    held_until_us integer not null default 0,
    -- Answers that did not acknowledge it: they lengthen the pause.
    tries integer not null default 0,
    -- Those of them that were definite refusals: enough of them park it.
    rejections integer not null default 0,
    -- The last reason, for whoever looks into a parked event.
    detail text,
    primary key (subscriber_id, position)
) strict, without rowid;

insert into outbox_delivery (subscriber_id, position, subject, held_until_us, tries, rejections, detail)
select subscriber_id, position, subject, held_until_us, tries, rejections, detail from outbox_queue;

drop table outbox_queue;

create index outbox_delivery_held on outbox_delivery (subscriber_id, subject, position) where held_until_us > 0;
