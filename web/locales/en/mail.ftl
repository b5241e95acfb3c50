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
