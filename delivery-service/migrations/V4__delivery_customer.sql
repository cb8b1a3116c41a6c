-- Whose order the parcel belongs to, as the order service named him when it booked: he sees his parcels and no others.
alter table delivery add column customer text;

-- Everybody lists his own parcels, latest first.
create index delivery_customer on delivery (customer, created_at_us, delivery_id);
