(select t.id, t.created_at, case when $3::bigint is null and t.noted is not null then t.search || t.noted else t.search end as search
    from {month} t
    where (t.search @@ $2::text::tsquery or ($3::bigint is null and t.noted @@ $2::text::tsquery)) and ($3::bigint is null or t.client_id = $3)
    order by t.created_at desc
    limit $5)
