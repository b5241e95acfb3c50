-- Sales $1 + 1 to $1 + $2 of $3, over the two years before now, the newest last: more and more of them. Each learner buys up to four courses. Of a hundred, four
-- get all their money back, two a part; of two hundred, one loses a dispute and one wins. The same numbers make the same sales. What a foreign key or a trigger would
-- ask of each row is not asked (`session_replication_role`), and the days that were touched are noted once, afterwards.
with people as materialized (
    select min(id) as first, count(*) as count from core.users where role = 'learner'
), courses as materialized (
    select array_agg(id order by id) as ids, array_agg(price_minor order by id) as prices, array_agg(currency order by id) as currencies from school.courses
), bought as materialized (
    select n, lpad(to_hex(n), 32, '0')::uuid as id, first + n % count as user_id, 1 + ((n % count) + 5 * (n / count)) % 12 as place,
        now() - interval '730 days' * (1 - sqrt(n / ($3::bigint + 1.0))) as at,
        ('x' || substr(md5(n::text), 1, 7))::bit(28)::bigint % 200 as fate
    from generate_series($1::bigint + 1, $1::bigint + $2::bigint) n, people
), priced as materialized (
    select b.*, ids[place] as course_id, prices[place] as amount, currencies[place] as currency,
        case when currencies[place] <> 'COP' and n % 3 = 0 then 'paypal' else 'stripe' end as provider,
        case when fate < 8 then prices[place] when fate < 12 then prices[place] / 4 end as refunded,
        -- Some time within three weeks, and not in the future.
        least(at + interval '1 hour' * (1 + n % 500), now()) as back_at
    from bought b, courses
), sold as (
    insert into school.sales (id, user_id, course_id, provider, state, amount_minor, currency, description, locale, checkout_key, checkout_ref, payment_ref,
        charged_minor, charged_currency, refunded_minor, created_at, updated_at, expires_at, paid_at)
    select id, user_id, course_id, provider,
        case when fate < 8 then 'refunded' when fate < 12 then 'part_refunded' when fate = 12 then 'lost' else 'paid' end,
        amount, currency, 'Curso ' || place, 'es', 'sale:' || n || ':checkout:1', 'cs_' || n, 'pi_' || n, amount, currency, coalesce(refunded, 0),
        at - interval '3 minutes', at, at + interval '1 hour', at
    from priced
), given_back as (
    insert into school.refunds (id, sale_id, origin, reason, amount_minor, currency, provider_ref, state, created_at, settled_at)
    select id, id, 'admin', 'No era lo que esperaba', refunded, currency, 're_' || n, 'succeeded', back_at, back_at from priced where refunded is not null
), disputed as (
    insert into school.disputes (provider, dispute_ref, sale_id, state, amount_minor, currency, opened_at, closed_at)
    select provider, 'dp_' || n, id, case fate when 12 then 'lost' else 'won' end, amount, currency, back_at, back_at from priced where fate in (12, 13)
), moves as materialized (
    select p.n * 8 + m.place as transaction_id, p.id, p.provider, m.kind, m.ref || p.n as ref, m.at, p.currency, m.debit, m.credit, m.amount
    from priced p, lateral (values
        (1, true, 'charge', 'pi_', at, 'clearing', 'revenue', amount),
        (2, true, 'fee', 'pi_', at, 'fees', 'clearing', amount * 29 / 1000 + 30),
        (3, refunded is not null, 'refund', 're_', back_at, 'refunds', 'clearing', refunded),
        (4, fate in (12, 13), 'dispute', 'dp_', back_at, 'disputes', 'clearing', amount),
        (5, fate = 13, 'dispute_reversal', 'dp_', back_at, 'clearing', 'disputes', amount)
    ) m (place, is_so, kind, ref, at, debit, credit, amount)
    where m.is_so
), posted as (
    insert into school.ledger_transactions (id, sale_id, provider, kind, source_ref, effective_at, posted_at) overriding system value
    select transaction_id, id, provider, kind, ref, at, at from moves
)
insert into school.ledger_lines (transaction_id, account, currency, amount_minor)
select transaction_id, l.account, currency, l.amount
from moves m, lateral (values (m.debit, m.amount), (m.credit, -m.amount)) l (account, amount)
