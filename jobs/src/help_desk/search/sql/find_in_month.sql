(select t.id, t.created_at, t.client_id, t.title, t.description, t.tags, t.status,
        case when $3::bigint is null and t.noted is not null then t.search || t.noted else t.search end as search
    from {month} t
    where {which}
      and ($9::text[] is null or t.status || '' = any ($9))
    order by t.created_at desc
    limit $5)
