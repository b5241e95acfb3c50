-- What is swept of batches goes by when they ended, or, of those that nothing has ever joined, by when they began.
create index batches_by_age on faena.batches ((coalesce(ended_at, begun_at)), id);
