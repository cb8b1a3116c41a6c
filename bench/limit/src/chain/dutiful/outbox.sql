-- What is told to others. One subscriber: the gateway.
create table outbox_event (
    position integer primary key autoincrement,
    event_id text not null unique,
    subject text not null,
    body text not null,
    time_us integer not null
) strict;

create table outbox_subscriber (
    subscriber_id integer primary key autoincrement,
    name text not null unique
) strict;

create table outbox_delivery (
    subscriber_id integer not null references outbox_subscriber (subscriber_id),
    position integer not null,
    subject text not null,
    held_until_us integer not null default 0,
    tries integer not null default 0,
    rejections integer not null default 0,
    detail text,
    primary key (subscriber_id, position)
) strict, without rowid;

create index outbox_delivery_held on outbox_delivery (subscriber_id, subject, position) where held_until_us > 0;

insert into outbox_subscriber (name) values ('gateway.1');
