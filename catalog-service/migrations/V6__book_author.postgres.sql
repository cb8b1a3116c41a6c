-- Postgres keeps its sorted index of authors.
select 1;
