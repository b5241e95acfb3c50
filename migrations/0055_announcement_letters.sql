-- What has become of an announcement's letters is counted for whoever told it: their keys are `announcement:5:42`.
create index messages_of_announcements on mail.messages (split_part(dedupe_key, ':', 2), state) where letter = 'course_announcement';
