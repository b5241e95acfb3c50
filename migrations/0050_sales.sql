-- A sale that comes to life again, because its refund failed or a bank claims its money, when the course was bought anew meanwhile: a person decides.
alter table school.sales drop constraint sales_review_reason_check, add constraint sales_review_reason_check
    check (review_reason in ('amount', 'currency', 'account', 'livemode', 'sale', 'second_payment', 'bought_again'));

-- Whoever has waited longest for being asked about is asked about first.
alter table school.sales add column asked_at timestamptz;
drop index school.sales_pending;
create index sales_pending on school.sales ((coalesce(asked_at, created_at))) where state = 'pending';

-- Who has looked at a difference. While both sides say what they said then, it stays closed.
alter table school.reconciliation_differences add column closed_by bigint references core.users on delete set null;
