-- PayPal: what Stripe's Checkout did by itself.

-- How often the person's way of paying was declined when the money that they had agreed to was collected. The key under which it is
-- collected is made of it: after an answer that is lost the same is asked again, after a refusal another is asked for.
alter table school.sales add column declined integer not null default 0 check (declined >= 0);

-- The certificates that PayPal signs with, as they were fetched and believed. Web and workers judge them again at each message.
create table school.paypal_certificates (
    url text primary key check (length(url) <= 500),
    pem bytea not null check (octet_length(pem) <= 65536),
    fetched_at timestamptz not null default clock_timestamp()
);

-- Messages by a certificate that nobody has fetched yet. Until `verify_message` has judged them nobody has proved who sent them: they are few,
-- and have no effect.
create table school.unverified_messages (
    transmission_id text primary key check (length(transmission_id) between 1 and 100),
    transmission_time text not null check (length(transmission_time) <= 100),
    certificate_url text not null check (length(certificate_url) <= 500),
    signature text not null check (length(signature) <= 2000),
    body bytea not null check (octet_length(body) <= 262144),
    received_at timestamptz not null default clock_timestamp()
);
