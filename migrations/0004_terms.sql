-- What a job asks of the engine beyond its lane and its time: limits, a tenant, an expiry, uniqueness, what follows it. One document, which
-- travels unchanged from the promise into Redis and with the end into the ledger, so that a retry asks the same again.
alter table faena.outbox add column terms jsonb check (jsonb_typeof(terms) = 'object' and octet_length(terms::text) <= 262144);
alter table faena.jobs add column terms jsonb;
