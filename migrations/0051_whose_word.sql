-- Whose word a comment is does not change with what its author becomes afterwards: somebody of a client who begins to work here, an agent who leaves.

-- Whether whoever wrote it worked at the desk then.
alter table desk.comments add column by_desk boolean not null default false;
alter table archive.comments add column by_desk boolean not null default false;

-- Of what was written before, what its author is now is all that is known.
update desk.comments c set by_desk = true from core.users u where u.id = c.author_id and u.role in ('agent', 'manager', 'admin');
update archive.comments c set by_desk = true from core.users u where u.id = c.author_id and u.role in ('agent', 'manager', 'admin');
