-- Keeps the names of listed refunds that are in no book, so that each can be asked about by it. Those that have got into one go, and so do those that
-- were never to: money that a dispute took is listed as a refund too.
--   $1 provider · $2 payments · $3 the provider's names of what was listed · $4 how each stands, in our words
with gone as (
    delete from school.listed_refunds l
    where l.listed_at < clock_timestamp() - interval '90 days'
       or exists (select from school.refunds r where r.provider_ref = l.refund_ref and r.sale_id = l.sale_id)
)
insert into school.listed_refunds (sale_id, refund_ref)
select s.id, listed.ref
from unnest($2::text[], $3::text[], $4::text[]) as listed (payment_ref, ref, state)
join school.sales s on (s.provider, s.payment_ref) = ($1, listed.payment_ref)
where listed.state in ('pending', 'succeeded', 'failed')
  and not exists (select from school.refunds r where r.provider_ref = listed.ref and r.sale_id = s.id)
on conflict (sale_id, refund_ref) do nothing
