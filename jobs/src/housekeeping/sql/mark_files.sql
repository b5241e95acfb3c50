-- Notes which files no row claims ($1), of those that the store has ($7) with the prefix $2 after $3 (null: the first) up to $4 (null: the last): others are
-- claimed or gone, and forgotten. Answers those of them that were noted before $5, and those so noted that are gone: whoever removed them did not live to
-- tell. $6: a dry run, which notes nothing.
with forgotten as (
    delete from core.unclaimed_files
    where not $6 and starts_with(object_key, $2) and ($3::text is null or object_key > $3) and ($4::text is null or object_key <= $4)
        and object_key <> all ($1)
    returning object_key, first_seen_at
), noted as (
    insert into core.unclaimed_files (object_key) select unnest($1::text[]) where not $6 on conflict do nothing
)
select object_key, true as is_there from core.unclaimed_files where object_key = any ($1) and first_seen_at < $5
union all
select object_key, false from forgotten where first_seen_at < $5 and object_key <> all ($7)
order by object_key
