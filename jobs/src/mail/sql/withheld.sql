-- Why a letter may not go to its reader, if so: first what nobody can lift by themselves.
--   $1 address · $2 stream · $3 the reader's account, if there is one
select coalesce(
    (select 'closed' from core.users c where c.id = $3 and c.disabled_at is not null),
    (
        select s.cause
        from mail.suppressions s
        where s.address = $1::citext and s.lifted_at is null and (s.cause <> 'complaint' or $2 <> 'transactional')
        order by s.cause = 'complaint'
        limit 1
    ),
    (select 'unsubscribed' from mail.unsubscribed u where u.user_id = $3 and u.stream = $2)
)
