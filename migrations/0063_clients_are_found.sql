-- Whoever works at the desk finds tickets by what their client, or one of its people, is called.

create index clients_by_spelling on desk.clients using gin (desk.plain_name(name) gin_trgm_ops) with (fastupdate = off);

-- What somebody of a client is called, as it is compared: it stands here because among all accounts those of clients' people are few.
alter table desk.contacts add column plain_name text;
update desk.contacts k set plain_name = desk.plain_name(u.full_name) from core.users u where u.id = k.user_id;
alter table desk.contacts alter column plain_name set not null;
create index contacts_by_spelling on desk.contacts using gin (plain_name gin_trgm_ops) with (fastupdate = off);

-- The words of names are corrected like what is written at the desk, for those who work there alone: no client's words are among them.
create function desk.learn_name(name text) returns void language sql as $$
    select desk.learn_words(array_agg(null::bigint), array_agg(spelled)) from desk.spellings(name) as spelled
$$;

create function desk.name_contact() returns trigger language plpgsql as $$
declare
    name text;
begin
    -- Who is being called otherwise at this moment is waited for.
    select u.full_name into name from core.users u where u.id = new.user_id for share;
    -- Where there is no such account, the foreign key says so.
    new.plain_name := coalesce(desk.plain_name(name), '');
    perform desk.learn_name(name);
    return new;
end $$;
create trigger name_contact before insert or update of user_id on desk.contacts for each row execute function desk.name_contact();

create function desk.rename_contact() returns trigger language plpgsql as $$
begin
    update desk.contacts set plain_name = desk.plain_name(new.full_name) where user_id = new.id;
    if found then
        perform desk.learn_name(new.full_name);
    end if;
    return null;
end $$;
create trigger rename_contact after update of full_name on core.users for each row
    when (old.full_name is distinct from new.full_name) execute function desk.rename_contact();

create function desk.learn_name_of_client() returns trigger language plpgsql as $$
begin
    perform desk.learn_name(new.name);
    return null;
end $$;
create trigger learn_name after insert or update of name on desk.clients for each row execute function desk.learn_name_of_client();

-- Those that are there.
select desk.learn_words(array_agg(null::bigint), array_agg(distinct s.spelled))
from (
    select name from desk.clients
    union
    select u.full_name from desk.contacts k join core.users u on u.id = k.user_id
) named
cross join lateral desk.spellings(named.name) as s (spelled);
