-- What is known of a refund; it moves forward only. Answers its id if it has moved.
--   $1 id · $2 sale · $3 the provider's name for it · $4 state · $5 amount · $6 currency · $7 when
insert into school.refunds as r (id, sale_id, origin, amount_minor, currency, provider_ref, state, created_at, settled_at)
values ($1, $2, 'provider', $5, $6, $3, $4, $7, case when $4 in ('succeeded', 'failed') then clock_timestamp() end)
on conflict (id) do update
set state = excluded.state, provider_ref = excluded.provider_ref, amount_minor = excluded.amount_minor, settled_at = excluded.settled_at
where r.sale_id = excluded.sale_id
  and array_position(array['requested', 'pending', 'succeeded', 'failed'], r.state) < array_position(array['requested', 'pending', 'succeeded', 'failed'], excluded.state)
returning r.id
