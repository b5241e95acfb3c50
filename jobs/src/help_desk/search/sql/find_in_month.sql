(select t.id, t.created_at, t.search
    from {month} t
    where t.search @@ $2::text::tsquery and ($3::bigint is null or t.client_id = $3)
    order by t.created_at desc
    limit $5)
