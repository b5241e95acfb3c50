-- Takes what is to be said in a channel next, oldest first, and marks it: from here on it may have left. What an earlier attempt had marked, and did
-- not live to tell about, may have arrived: it is said once more if it is urgent and has left once only, and otherwise nobody knows.
--   $1 channel · $2 job · $3 how many at most
with left_open as (
    update core.chat_notices set state = 'unknown', updated_at = clock_timestamp()
    where channel = $1 and state = 'sending' and (not is_urgent or sends > 1)
), next as (
    select id from core.chat_notices
    where channel = $1 and (state = 'waiting' or state = 'sending' and is_urgent and sends = 1)
    order by id
    limit $3
    for update
), taken as (
    update core.chat_notices n set state = 'sending', sends = sends + 1, job_id = $2, updated_at = clock_timestamp()
    from next where n.id = next.id
    returning n.id, n.key, n.text, n.page, n.list, n.sends
)
select id, key, text, page, list, sends > 1 as is_again from taken order by id
