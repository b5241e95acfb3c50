-- Of the words $1, those that the query $2 (any of its words) is about.
select word from unnest($1::text[]) word where desk.search_vector(word, null) @@ $2::text::tsquery
