-- What was handled, written in the transaction of the effect: an event that is delivered again finds its row.
create table inbox (
    source text not null,
    event_id text not null,
    primary key (source, event_id)
);
