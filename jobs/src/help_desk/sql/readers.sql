-- Who of client $2 hears of its ticket $1, which $3 opened.
select * from desk.ticket_readers($1, $2, $3)
