-- Tokens may allow programs to see schedules and to change them.
alter table faena.api_tokens drop constraint api_tokens_scopes_check;
alter table faena.api_tokens add constraint api_tokens_scopes_check
    check (cardinality(scopes) > 0 and scopes <@ array['jobs:enqueue', 'jobs:read', 'schedules:read', 'schedules:write']);
