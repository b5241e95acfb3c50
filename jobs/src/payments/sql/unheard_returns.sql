-- Sales whose refunds and disputes are not known here as they stand at the provider, and those of which an end is awaited. PayPal's lists do not
-- say of a refund that it failed after it was done, so whoever has such a refund is asked about for as long as that may happen.
--   $1 provider · $2 payments · $3 the provider's names of what was listed · $4 how each stands, in our words · $5 what was done before fails no more
select s.id
from unnest($2::text[], $3::text[], $4::text[]) as listed (payment_ref, ref, state)
join school.sales s on (s.provider, s.payment_ref) = ($1, listed.payment_ref)
where case when listed.state in ('open', 'won', 'lost')
    then not exists (
        select from school.disputes d
        where (d.provider, d.dispute_ref) = ($1, listed.ref) and (d.state <> 'open' or listed.state = 'open')
    )
    else not exists (
        select from school.refunds r
        where r.sale_id = s.id and r.provider_ref = listed.ref
          and array_position(array['requested', 'pending', 'succeeded', 'failed'], r.state)
              >= array_position(array['requested', 'pending', 'succeeded', 'failed'], listed.state)
    )
end
union
select d.sale_id from school.disputes d where d.provider = $1 and d.state = 'open'
union
select r.sale_id from school.refunds r join school.sales s on s.id = r.sale_id
where s.provider = $1 and (r.state = 'pending' or s.provider = 'paypal' and r.state = 'succeeded' and r.settled_at > $5)
