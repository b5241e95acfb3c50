-- Refunds: a form gives money back once, and each knows what it left when it was booked. Sales: money that is on its way is known of.

-- The form that asked for it, so that one that is sent twice is one refund. None: a rule asked, or somebody at the provider's own pages.
alter table school.refunds add column form_key uuid unique;

-- What it left when it was booked, whatever comes later: whether all that had come had gone back by then, and whether the person had the course.
alter table school.refunds
    add column is_whole boolean,
    add column left_open boolean,
    add check ((is_whole is null) = (left_open is null));

-- Since when we know that the person has done their part and the money is on its way. Such a sale keeps its place.
alter table school.sales add column on_its_way_since timestamptz;
