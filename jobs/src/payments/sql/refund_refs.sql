-- The provider's names for refunds of a sale: those in our books, those that it told of, and those that it lists.
--   $1 sale
select provider_ref from school.refunds where sale_id = $1 and provider_ref is not null
union
select object_ref from school.payment_events
where sale_id = $1 and provider = 'paypal' and type in ('PAYMENT.CAPTURE.REFUNDED', 'PAYMENT.CAPTURE.REVERSED') and object_ref <> '' and object_ref is distinct from payment_ref
union
select refund_ref from school.listed_refunds where sale_id = $1
