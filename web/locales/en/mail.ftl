# The letters, to look at.
dev-mail-title = The letters
dev-mail-say = Each letter with made-up values, as its reader sees it.
dev-mail-letter = Letter
dev-mail-subject = Subject
dev-mail-stream = Sort
dev-mail-text = Text
stream-transactional = What you asked for
stream-notifications = Notices
stream-broadcast = News
stream-transactional-say = Links to sign in, receipts and refunds. You always get these.
stream-notifications-say = Your certificates, your reports and what happens to your tickets.
stream-broadcast-say = What the people who teach your courses have to tell.

# Which letters each person wants.
preferences-title = My letters
preferences-say = Choose which letters you want.
preferences-saved = Saved.
preferences-save = Save
unsubscribe-title = No more letters
unsubscribe-notifications = Notices from CompilandoCode: certificates, reports and tickets.
unsubscribe-broadcast = News of your courses.
unsubscribe-say = You will still get links to sign in and receipts.
unsubscribe-submit = I do not want these
unsubscribe-done = We will send you no more of these
unsubscribe-done-say = If you change your mind, you can have them again: see your account.
unsubscribe-preferences = Choose my letters
unsubscribe-forged = This link does not work
unsubscribe-forged-say = It is incomplete. Open it again from the letter, or choose your letters in your account.
