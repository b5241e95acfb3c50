-- A correction that is given up is in nobody's way; and whoever has a closed account gets no letters.

-- One takes a certificate's place, or is to take it. What ended without ever having been issued took nobody's.
alter table school.certificates drop constraint certificates_supersedes_key;
create unique index certificates_one_replaces on school.certificates (supersedes) where issued_at is not null or ended_at is null;

-- What was asked for after such a one replaces the one that counts: beside that it could not be issued.
update school.certificates c set supersedes = counts.id
from school.certificates given_up, school.certificates counts
where given_up.id = c.supersedes and given_up.issued_at is null
  and (counts.user_id, counts.course_id) = (c.user_id, c.course_id) and counts.issued_at is not null and counts.ended_at is null
  and c.issued_at is null and c.ended_at is null;

-- Nobody need be told any more that those cannot be issued which nobody wants.
delete from faena.notices n using school.certificates c where n.key = 'certificate:' || c.id and c.ended_at is not null;

-- The account is closed.
alter table mail.messages drop constraint messages_withheld_for_check, add constraint messages_withheld_for_check
    check (withheld_for in ('closed', 'hard_bounce', 'soft_bounces', 'complaint', 'operator', 'unsubscribed'));
