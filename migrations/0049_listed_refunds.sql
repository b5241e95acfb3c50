-- Refunds that a provider lists and that are in no book of ours: the provider may have forgotten the checkout that would tell of them.

create table school.listed_refunds (
    sale_id uuid not null references school.sales,
    -- The provider's name for it, by which it is asked about.
    refund_ref text not null check (length(refund_ref) between 1 and 255),
    listed_at timestamptz not null default clock_timestamp(),
    primary key (sale_id, refund_ref)
);
