-- Which of the files $1 are no certificate's: of one that is issued or over and has another file, or of one that there is not. While a certificate is to
-- be issued, any file of its own may become the one. What is not named as ours are is left alone.
select listed.key
from unnest($1::text[]) as listed (key)
where listed.key ~ '^certificates/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[0-9a-f]{64}\.pdf$'
    and not exists (
        select from school.certificates c
        where c.id = split_part(listed.key, '/', 2)::uuid
            and (c.issued_at is null and c.ended_at is null or listed.key = 'certificates/' || c.id || '/' || encode(c.pdf_sha256, 'hex') || '.pdf')
    )
