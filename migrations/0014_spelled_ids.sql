-- A UUID may be spelled in capitals; its reader does not tell, and so neither do uniqueness and limits. A field takes UUIDs if it takes no
-- other text.
create or replace function faena.with_defaults(schema jsonb, args jsonb) returns jsonb language sql immutable as $$
    select case when not schema @> '{"type": "object"}' then args else (
        select coalesce(jsonb_object_agg(field, case
            when jsonb_typeof(args -> field) = 'string'
                and args ->> field ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'
                and faena.find_flaw(property, '"x"', '', schema, 0) is not null
            then to_jsonb(lower(args ->> field))
            else coalesce(args -> field, property -> 'default', 'null')
        end), '{}')
        from jsonb_each(schema -> 'properties') as properties (field, property)
        where args ? field or property ? 'default' or faena.find_flaw(property, 'null', '', schema, 0) is null
    ) || case when schema ? 'additionalProperties' then args else '{}' end end
$$;
