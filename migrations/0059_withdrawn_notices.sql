-- A notice of the chat that nobody need hear any more when its turn comes, because its channel was away until then, is withdrawn and not said.
alter table core.chat_notices drop constraint chat_notices_state_check;
alter table core.chat_notices add constraint chat_notices_state_check
    check (state in ('waiting', 'sending', 'sent', 'unknown', 'refused', 'withdrawn'));
