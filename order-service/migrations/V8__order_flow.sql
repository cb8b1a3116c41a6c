-- Which way an order goes: bought in one call, or written, submitted and approved by an employee.
alter table orders add column flow text not null default 'checkout'
    constraint orders_flow_check check (flow in ('checkout', 'review'));

-- Lines that the order ever had: no number is used twice, so that a repeated removal cannot hit another line.
alter table orders add column line_n bigint not null default 0;

-- Until when it has to be paid. The driver compares it with its clock and then says so to the order, as everybody says
-- things to an order: with a compare-and-swap.
alter table orders add column pay_by_us bigint
    constraint orders_pay_by_check check (pay_by_us is null or state in ('pending', 'approved'));

-- The deadline passed while a payment was unresolved: its end decides.
alter table orders add column lapsed bigint not null default 0
    constraint orders_lapsed_check check (lapsed = 0 or (lapsed = 1 and state = 'pending'));

-- An employee undoes the approved order. Any other approved order has its copies.
alter table orders add column withdrawn bigint not null default 0
    constraint orders_withdrawn_check check (withdrawn = 0 or (withdrawn = 1 and state = 'approved'));
alter table orders add column look_at_us bigint
    constraint orders_sold_check check (state <> 'approved' or withdrawn = 1 or stock = 'taken');

-- The driver also looks at orders that are at rest: at a deadline, or at a payment that waits for its buyer.
create index orders_look on orders (look_at_us) where look_at_us is not null;
