-- Some cards pay only once the shop has heard of their payment: that is asked for by payment.
create index webhook_payment on webhook (payment_id);
