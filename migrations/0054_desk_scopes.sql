-- Tokens may allow programs to read articles, and to read alerts and take note of them, in somebody's name: as much of them as that person may.
alter table faena.api_tokens drop constraint api_tokens_scopes_check;
alter table faena.api_tokens add constraint api_tokens_scopes_check check (cardinality(scopes) > 0
    and scopes <@ array['jobs:enqueue', 'jobs:read', 'schedules:read', 'schedules:write', 'reports:read', 'reports:write', 'tickets:read', 'tickets:write',
        'clients:read', 'articles:read', 'alerts:read', 'alerts:write']);
alter table faena.api_tokens drop constraint api_tokens_in_a_name_check;
alter table faena.api_tokens add constraint api_tokens_in_a_name_check
    check (user_id is not null or not scopes && array['reports:read', 'reports:write', 'tickets:read', 'tickets:write', 'clients:read', 'articles:read',
        'alerts:read', 'alerts:write']);
