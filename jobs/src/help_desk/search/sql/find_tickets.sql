-- Tickets that hold what is asked for, in their own words or in what was said under them, the closest first, and how many there are of those that were
-- compared. Whoever works here finds what agents have noted too. Where the ticket's own words do not have it all, the text is what was said that is closest.
--   $1 as it was typed, $2 with what may have been meant · $3 client (null: every one's) · $4 the ticket that it may be the number of · $5 how many of the
--   newest that match are compared · $6 how many to pass over, $7 how many to give · $8 any of the words
with matched as (
    -- Month by month, the newest first, until there are enough.
    {months}
    limit $5
), ranked as (
    select id, created_at, false as is_number, search @@ $1::text::tsquery as is_exact, ts_rank(search, $2::text::tsquery) as rank
    from matched
    where id is distinct from $4
    union all
    select t.id, t.created_at, true, true, 1
    from desk.tickets t
    where t.id = $4 and ($3::bigint is null or t.client_id = $3)
), page as (
    select *, count(*) over () as total
    from ranked
    order by is_number desc, is_exact desc, rank desc, created_at desc, id desc
    offset $6
    limit $7
)
select t.id, t.title, coalesce(said.body, t.description) as body, said.is_internal as said_internally, t.tags, c.name as client, t.status, t.created_at, page.total
from page
join desk.tickets t on t.id = page.id and t.created_at = page.created_at
join desk.clients c on c.id = t.client_id
left join lateral (
    select s.body, s.is_internal
    from desk.comments s
    cross join lateral (select desk.search_vector(s.body, null) as search) of
    where s.ticket_id = t.id and (not s.is_internal or $3::bigint is null) and not page.is_number
        and of.search @@ $8::text::tsquery and not desk.search_vector(t.title || ' ' || t.description, null) @@ $2::text::tsquery
    order by ts_rank(of.search, $8::text::tsquery) desc, s.id desc
    limit 1
) said on true
order by page.is_number desc, page.is_exact desc, page.rank desc, page.created_at desc, page.id desc
