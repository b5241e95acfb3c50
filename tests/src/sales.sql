-- What must be true in the end, worked out from what happened to each sale and from nothing that the school has written: the rules
-- are those of the specification. A letter that was under way when its worker was killed is unknown, and not sent twice. One row a sale whose books, state or course are not as they must be.
--   planned.sales (sale_id, provider, plan, amount): what happened at the provider's side
with fee as (
    -- Stripe keeps 2.9 % and 30 cents of what was charged, PayPal 3.49 % and 49 cents.
    select sale_id, plan, charged, case provider when 'stripe' then charged * 29 / 1000 + 30 else charged * 349 / 10000 + 49 end as fee
    from (select *, case plan when 'wrong_amount' then amount + 100 else amount end as charged from planned.sales) as planned
),
must as (
    select sale_id, plan, charged, fee,
           case when plan in ('promised', 'expired', 'untouched') then 0 else charged end as came,
           case plan when 'refunded' then charged when 'part' then 1000 when 'twice' then 3000 when 'refund_failed' then 0 else 0 end as back,
           case when plan in ('disputed', 'lost') then charged else 0 end as taken,
           case plan when 'paid' then 'paid' when 'refunded' then 'refunded' when 'part' then 'part_refunded' when 'twice' then 'part_refunded'
               when 'refund_failed' then 'paid' when 'disputed' then 'disputed' when 'won' then 'paid' when 'lost' then 'lost'
               when 'promised' then 'pending' when 'expired' then 'expired' when 'untouched' then 'pending' when 'wrong_amount' then 'review'
           end as state,
           case when plan in ('paid', 'part', 'twice', 'refund_failed', 'won') then 'active' when plan = 'disputed' then 'suspended'
               when plan in ('refunded', 'lost') then 'revoked' else 'none' end as access,
           case when plan in ('promised', 'expired', 'untouched', 'wrong_amount') then 0 else 1 end as receipts,
           case plan when 'refunded' then 1 when 'part' then 1 when 'twice' then 2 when 'refund_failed' then null else 0 end as notices
    from fee
),
lines as (
    select sale_id, 'revenue' as account, -came as amount from must where plan <> 'wrong_amount'
    union all select sale_id, 'suspense', -came from must where plan = 'wrong_amount'
    union all select sale_id, 'refunds', back from must
    union all select sale_id, 'disputes', taken from must
    union all select sale_id, 'fees', case when came > 0 then fee else 0 end from must
    union all select sale_id, 'clearing', came - back - taken - case when came > 0 then fee else 0 end from must
),
found as (
    select t.sale_id, l.account, sum(l.amount_minor) as amount
    from school.ledger_lines l join school.ledger_transactions t on t.id = l.transaction_id
    group by t.sale_id, l.account
),
wrong as (
    select coalesce(l.sale_id, f.sale_id) as sale_id, format('%s holds %s and must hold %s', coalesce(l.account, f.account), f.amount, l.amount) as what
    from lines l full join found f on (f.sale_id, f.account) = (l.sale_id, l.account)
    where coalesce(l.amount, 0) <> coalesce(f.amount, 0)
    union all
    select m.sale_id, format('is %s and must be %s', s.state, m.state) from must m join school.sales s on s.id = m.sale_id where s.state <> m.state
    union all
    select m.sale_id, format('the course is %s and must be %s', coalesce(e.state, 'none'), m.access)
    from must m join school.sales s on s.id = m.sale_id
    left join school.enrolments e on (e.user_id, e.course_id) = (s.user_id, s.course_id)
    where coalesce(e.state, 'none') <> m.access
    union all
    select m.sale_id, format('%s receipts and must be %s', r.count, m.receipts)
    from must m cross join lateral (select count(*) from mail.messages where dedupe_key = 'receipt:' || m.sale_id::text and state in ('sent', 'unknown')) r
    where r.count <> m.receipts
    union all
    select m.sale_id, format('%s letters about refunds and must be %s', r.count, m.notices)
    from must m cross join lateral (
        select count(*) from mail.messages l join school.refunds f on l.dedupe_key = 'refund:' || f.id::text where f.sale_id = m.sale_id and l.state in ('sent', 'unknown')) r
    where m.notices is not null and r.count <> m.notices
)
select m.plan, w.sale_id::text, w.what from wrong w left join must m on m.sale_id = w.sale_id order by 1, 2, 3
