-- The provider's names for refunds of a sale.
--   $1 sale
select provider_ref from school.refunds where sale_id = $1 and provider_ref is not null
union
select object_ref from school.payment_events
where sale_id = $1 and provider = 'paypal' and type in ('PAYMENT.CAPTURE.REFUNDED', 'PAYMENT.CAPTURE.REVERSED') and object_ref <> '' and object_ref is distinct from payment_ref
