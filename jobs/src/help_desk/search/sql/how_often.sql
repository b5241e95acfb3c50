-- How many tickets have each of the words $1, of what client $2 may see (null: everything); of more than two hundred nobody asks.
select word, desk.times_of_word(word, $2, 200) as times from unnest($1::text[]) word
