-- Every subscriber has a line of his own: what is due to him is found without walking through what is due to others.
drop index webhook_message_due;
create index webhook_message_due on webhook_message (webhook_id, due_at_us) where due_at_us is not null;
