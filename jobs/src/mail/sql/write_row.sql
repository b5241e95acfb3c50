-- What is known of the letter now.
--   $1 id · $2 state · $3 sends · $4 code of the server's answer · $5 its words, or what was seen instead
update mail.messages
set state = $2, sends = $3, smtp_code = $4, smtp_reply = $5, updated_at = clock_timestamp(),
    withheld_for = null,
    sent_at = case when $2 = 'sent' then clock_timestamp() end
where id = $1
