-- A parcel of an order, under the id that the order chose.
create table delivery (
    delivery_id text primary key,
    order_id text not null,
    -- As JSON. Absent where the order canceled the delivery before its booking arrived: the booking finds this row and
    -- can never take effect.
    address text,
    -- The courier named when it was booked, so that a repeated booking is known for the same one.
    booked_courier text references courier (name),
    -- Who has the parcel now.
    courier text references courier (name),
    status text not null,
    -- Counted up by every change, each of which names the version it rests on.
    version bigint not null,
    created_at_us bigint not null,
    updated_at_us bigint not null,
    constraint delivery_status_check
        check (status in ('scheduled', 'shipped', 'delivered', 'failed', 'returned', 'canceled')),
    -- Only a canceled delivery was perhaps never booked.
    constraint delivery_booked_check
        check ((address is null) = (courier is null) and (address is null) = (booked_courier is null)
            and (address is not null or status = 'canceled'))
);

-- Lists are latest first.
create index delivery_latest on delivery (created_at_us, delivery_id);

-- An order asks for its own deliveries.
create index delivery_order on delivery (order_id, created_at_us, delivery_id);
