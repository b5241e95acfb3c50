-- Writes a provider's message as it came, once however often it is sent.
--   $1 provider · $2 its id · $3 type · $4 object · $5 livemode · $6 body · $7 sale · $8 when it happened · $9 outcome, if nothing is to be done · $10 payment
insert into school.payment_events (provider, event_id, type, object_ref, livemode, body, sale_id, happened_at, outcome, processed_at, payment_ref)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, case when $9 is not null then clock_timestamp() end, $10)
on conflict (provider, event_id) do nothing
