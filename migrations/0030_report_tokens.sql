-- Tokens may allow programs to ask for reports and to fetch them, in somebody's name: a report shows what that person may see, asked again when it is made
-- and fetched. Whose account is gone, their token is too.
alter table faena.api_tokens add column user_id bigint references core.users on delete cascade;
alter table faena.api_tokens drop constraint api_tokens_scopes_check;
alter table faena.api_tokens add constraint api_tokens_scopes_check check (cardinality(scopes) > 0
    and scopes <@ array['jobs:enqueue', 'jobs:read', 'schedules:read', 'schedules:write', 'reports:read', 'reports:write']);
alter table faena.api_tokens add constraint api_tokens_of_reports_check
    check (user_id is not null or not scopes && array['reports:read', 'reports:write']);
create index api_tokens_by_user on faena.api_tokens (user_id) where user_id is not null;
