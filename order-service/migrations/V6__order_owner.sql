-- Whose order it is, and who placed it: the same, unless an employee did it on a customer's behalf. Both are principals
-- as the callers' tokens name them: account:…, guest:…, api_key:…, client:….
alter table orders add column customer text not null default 'anonymous:anonymous';
alter table orders add column placed_by text not null default 'anonymous:anonymous';

-- Everybody lists his own orders, latest first.
create index orders_customer on orders (customer, order_id);
