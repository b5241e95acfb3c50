-- What is known of a dispute. An open one may be decided; a decision stays. Answers the state if it is new.
--   $1 provider · $2 its name for it · $3 sale · $4 state · $5 amount · $6 currency · $7 opened · $8 now
insert into school.disputes as d (provider, dispute_ref, sale_id, state, amount_minor, currency, opened_at, closed_at)
values ($1, $2, $3, $4, $5, $6, $7, case when $4 <> 'open' then $8 end)
on conflict (provider, dispute_ref) do update set state = excluded.state, closed_at = excluded.closed_at
where d.state = 'open' and excluded.state <> 'open'
returning d.state
