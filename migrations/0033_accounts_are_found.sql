-- Administrators look for people by a part of their name or address, without regard to accents, among all who ever registered.
create index users_by_words on core.users using gin (desk.plain(full_name || ' ' || email::text) gin_trgm_ops);
