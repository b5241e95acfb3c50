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
stream-notifications-say = Your certificates and your reports; answers to your tickets; and the tickets that you look after, with their deadlines.
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

# The addresses that get no letters, for operators.
ops-mail = Mail
ops-mail-say = No letter goes to these addresses; after a complaint, none but those that the person asks for. Lifting lets the next ones go; a letter that was kept back goes when its job is retried.
suppression-find = Find an address
suppression-none = No address is suppressed.
suppression-address = Address
suppression-cause = Why
suppression-seen = What was seen
suppression-since = Since
suppression-lift = Lift
suppression-lifted = Lifted: the next letters will go.
suppression-add = Suppress an address
suppression-why = Why
suppression-added = Suppressed: no more letters go there.
suppression-already = This address gets no letters already.
suppression-again = { $times ->
    [one] (lifted once before)
   *[other] (lifted { $times } times before)
}
suppression-hard-bounce = There is no such mailbox
suppression-soft-bounces = Three letters came back in seven days
suppression-complaint = Complained of a letter
suppression-operator = An operator wanted it
