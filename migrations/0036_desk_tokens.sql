-- Tokens may allow programs to see and to write tickets, and to see clients, in somebody's name: as much of them as that person may.
alter table faena.api_tokens drop constraint api_tokens_scopes_check;
alter table faena.api_tokens add constraint api_tokens_scopes_check check (cardinality(scopes) > 0
    and scopes <@ array['jobs:enqueue', 'jobs:read', 'schedules:read', 'schedules:write', 'reports:read', 'reports:write', 'tickets:read', 'tickets:write',
        'clients:read']);
alter table faena.api_tokens drop constraint api_tokens_of_reports_check;
alter table faena.api_tokens add constraint api_tokens_in_a_name_check
    check (user_id is not null or not scopes && array['reports:read', 'reports:write', 'tickets:read', 'tickets:write', 'clients:read']);

-- What has a number and no id, such as a ticket, is kept by it.
alter table faena.api_answers add column number bigint;
