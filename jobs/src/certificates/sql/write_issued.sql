-- What was printed and signed; nothing, where another job was faster or nobody wants it any more.
--   $1 id, $2 name, $3 course, $4 instructor, $5 hours, $6 language, $7 day, $8 statement, $9 signature, $10 key, $11 credential,
--   $12 SHA-256 and $13 size of the file
update school.certificates
set holder_name = $2, course_title = $3, instructor = $4, hours = $5, locale = $6, completed_on = $7, statement = $8, signature = $9,
    key_id = $10, credential = $11, pdf_sha256 = $12, pdf_bytes = $13, problem = null, unprintable = '', issued_at = clock_timestamp()
where id = $1 and issued_at is null and ended_at is null
