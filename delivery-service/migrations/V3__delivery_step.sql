-- The parcel's way, step by step. A step is written in the transaction of its change and never touched again.
create table delivery_step (
    delivery_id text not null references delivery (delivery_id),
    -- The delivery's version after the step: one change, one step.
    version bigint not null,
    status text not null,
    courier text,
    -- What the one who did it wanted to say.
    note text,
    at_us bigint not null,
    primary key (delivery_id, version)
);
