-- Publishes kinds of jobs. In the order of their names, so that two binaries that publish at once do not wait for each other.
--   $1 names · $2 versions · $3 lanes · $4 schemas · $5 descriptions · $6 the binary's version · $7 limits · $8 tenant fields · $9 secret fields
--   · $10 what makes them unique (JSON's null: nothing) · $11 whether fields that another binary has published may go
-- While two binaries are deployed that give a kind the same version, the one that has a field more has the word, whichever starts last: who enqueues
-- by name may use that field already.
insert into faena.job_kinds as k (name, version, lane, schema, description, secret_fields, limits, unique_by, tenant_field, published_by)
select t.name, t.version, t.lane, t.schema, t.description, (select array_agg(field) from jsonb_array_elements_text(t.secret_fields) field),
    nullif(t.limits, '[]'), nullif(t.unique_by, 'null'), t.tenant_field, $6
from unnest($1::text[], $2::smallint[], $3::text[], $4::jsonb[], $5::text[], $7::jsonb[], $8::text[], $9::jsonb[], $10::jsonb[])
    as t (name, version, lane, schema, description, limits, tenant_field, secret_fields, unique_by)
order by t.name
on conflict (name) do update set
    version = excluded.version, lane = excluded.lane, schema = excluded.schema, description = excluded.description,
    secret_fields = excluded.secret_fields, limits = excluded.limits, unique_by = excluded.unique_by, tenant_field = excluded.tenant_field,
    published_at = excluded.published_at, published_by = excluded.published_by
where k.version <= excluded.version
    and ($11 or k.version < excluded.version or not exists (
        select from jsonb_object_keys(k.schema -> 'properties') field where not coalesce(excluded.schema -> 'properties', '{}') ? field))
    and (k.version, k.lane, k.schema, k.description, k.secret_fields, k.limits, k.unique_by, k.tenant_field) is distinct from
        (excluded.version, excluded.lane, excluded.schema, excluded.description, excluded.secret_fields, excluded.limits, excluded.unique_by,
            excluded.tenant_field)
