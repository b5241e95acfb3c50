 named as (
    -- So many as are missing.
    {months}
    limit greatest($5 - (select count(*) from matched), 0)
),
