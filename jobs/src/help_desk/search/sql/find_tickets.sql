-- Tickets that hold what is asked for, in their own words or in what was said under them, the closest first, and how many there are of those that were
-- compared. Whoever works here finds what agents have noted too, and behind them tickets of the clients that are called so. Where the ticket's own words do not have
-- it all, the text is what was said that is closest. What is shown comes along from the first: to look tickets up again, in every month, took longer to plan than to do.
--   $1 as it was typed, $2 with what may have been meant · $3 client (null: every one's) · $4 the ticket that it may be the number of · $5 how many of the
--   newest that match are compared · $6 how many to pass over, $7 how many to give · $8 any of the words
--   · $9 where they stand (null: anywhere), in a month hidden from the planner, which might rather read all that stand there
--   · and where clients are called so: $10 which, $11 what is asked for besides (null: nothing)
with matched as (
    -- Month by month, the newest first, until there are enough.
    {months}
    limit $5
),{named} found as (
    select *, false as is_number, false as is_named, $2::text::tsquery as asked
    from matched
    union all
    {of_named}
    select t.id, t.created_at, t.client_id, t.title, t.description, t.tags, t.status, t.search, true, false, null
    from desk.tickets t
    where t.id = $4 and ($3::bigint is null or t.client_id = $3) and ($9::text[] is null or t.status = any ($9))
), ranked as (
    select *, search @@ $1::text::tsquery as is_exact, coalesce(ts_rank(search, asked), 0) as rank
    from found
    where is_number or id is distinct from $4
), page as (
    select *, count(*) over () as total
    from ranked
    order by is_number desc, is_named, is_exact desc, rank desc, created_at desc, id desc
    offset $6
    limit $7
)
select page.id, page.title, coalesce(said.body, page.description) as body, said.is_internal as said_internally, page.tags, page.client_id, c.name as client,
    page.status, page.created_at, page.is_named, page.total
from page
join desk.clients c on c.id = page.client_id
left join lateral (
    select s.body, s.is_internal
    from desk.comments s
    cross join lateral (select desk.search_vector(s.body, null) as search) of
    where s.ticket_id = page.id and (not s.is_internal or $3::bigint is null)
        and of.search @@ $8::text::tsquery and not desk.search_vector(page.title || ' ' || page.description, null) @@ page.asked
    order by ts_rank(of.search, $8::text::tsquery) desc, s.id desc
    limit 1
) said on true
order by page.is_number desc, page.is_named, page.is_exact desc, page.rank desc, page.created_at desc, page.id desc
