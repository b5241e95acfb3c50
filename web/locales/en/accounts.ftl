# The forms.
form-problems = { $count ->
    [one] Nothing was saved: one field needs a change.
   *[other] Nothing was saved: { $count } fields need a change.
}
full-name = Full name
full-name-hint = As it should appear on your certificates.
full-name-blank = Enter your name.
full-name-too-long = A name can have up to 200 characters.
full-name-forbidden = The name has characters that cannot be shown. Delete them and type it again.
email = E-mail address
email-hint = We will send a letter to confirm it.
email-blank = Enter your e-mail address.
email-too-long = An e-mail address can have up to 254 characters.
email-local-part = What is before the @ can only have unaccented letters, digits and signs.
email-malformed = This does not look like an e-mail address. It should be like name@example.com.
email-taken = There is already an account with this address. Log in with it, or use another.
password = Password
password-hint = Ten characters or more. A phrase of several words is easy to remember and hard to guess.
show-typed = Show what I type
password-too-short = The password is too short: enter at least 10 characters.
password-too-long = The password is too long: it can have up to 128 characters, or fewer if they have accents.
password-common = It is one of the passwords that are tried first. Choose another.
password-personal = It can be guessed from your name, your address or the name of this site. Choose something else.
password-word = A word or a name is soon guessed. Join several words that do not belong together.
password-keyboard = These keys are neighbours, and that is soon guessed. Join several words that do not belong together.
password-repeat = It repeats itself, and that is soon guessed. Join several words that do not belong together.
password-sequence = It follows an order, like “abc” or “6543”, and that is soon guessed. Join several words that do not belong together.
password-date = Dates are soon guessed. Join several words that do not belong together.
password-simple = It is easy to guess. Add one or two more words.

# Create an account.
register-title = Create your account
register-lead = To learn, or to ask for help.
register-submit = Create account
register-have-account = Do you have an account already?

# Log in.
login-title = Log in
login-submit = Log in
login-no-account = No account yet?
login-refused = The e-mail address or the password is not right.
login-disabled = This account is closed. Write to us if you think that is a mistake.
login-verified = Your address is confirmed. You can log in now.
login-needed = Log in to go where you were going.

# The account.
account-title = My account
account-hello = Hello,
account-registered = Your account is ready. We are sending you the welcome letter.
account-letter-asked = We will send you the letter again.
account-now-verified = Your address is confirmed. Thank you!
account-verified = Confirmed on { $at }
account-unverified = Not confirmed
account-role = Your role
account-language = Language
account-since = Account created
language-es = Spanish
language-en = English
role-learner = Learner
role-instructor = Instructor
role-agent = Help desk agent
role-manager = Help desk manager
role-client = Client
role-operator = Operator
role-admin = Administrator

# The verification letter.
letter-title = Confirm your address
letter-say = The letter with the link goes to
letter-queued = Queued
letter-sending = Sending
letter-sent = Sent
letter-queued-say = The letter awaits its turn; it usually leaves within seconds.
letter-sending-say = We are handing it to your mail server.
letter-sent-say = Your mail server took it. If you do not see it, look among the junk mail.
letter-unknown-say = We handed it over, but your mail server did not get to confirm that. It may arrive; if not, ask for it again.
letter-failed-say = Your mail server did not accept it. Check that the address is right, or ask for it again.
letter-withheld-say = We send no letters to your address, because they came back undelivered. Write to us and we will look into it.
account-letters = My letters
letter-again = Send again

# The link in the letter.
verify-title = Confirm your address
verify-say = You are about to confirm that this address is yours:
verify-submit = Yes, it is my address
verify-used = This link has been used
verify-used-say = Your address was confirmed before. Nothing more is needed.
verify-expired = This link has expired
verify-expired-say = Links are good for seven days. Log in to your account and ask for another letter.
verify-forged = This link does not work
verify-forged-say = It is incomplete, or it is for another address. Open it again from the letter, or log in and ask for another.
verify-on = Go to my account

# The forgotten password.
login-forgotten = I have forgotten my password
login-new-password = Your password was changed and all your sessions were ended. Sign in with the new one.
forgotten-title = Forgotten your password?
forgotten-say = Write your e-mail address and we will send you a link to choose another.
forgotten-submit = Send the link
forgotten-asked = If there is an account with that address, the letter is on its way.
forgotten-asked-say = The link is good for an hour. If you do not see it, look into your spam folder.
forgotten-back = Back to the login
new-password-title = Choose another password
new-password-say = Changing it ends all your sessions.
new-password-submit = Change the password
new-password-forged = This link is good no more
new-password-forged-say = Each link works for a time, and once. Ask for another.
first-password-title = Choose your password
first-password-say = With it and your address you sign in from now on.
first-password-submit = Save the password
login-first-password = Your password is saved. Sign in with your address.

# What everybody sets about their account.
account-preferences = Preferences
account-preferences-saved = Your preferences are saved.
account-language-hint = That of your letters, and of pages whose address does not say one.
account-zone = Time zone
account-zone-hint = Type a city and choose: the hours that you see, your letters and your reports go by that clock.
account-zone-now = By the present one: { $now }.

# Accounts, for who administrates.
nav-accounts = Accounts
accounts-find = Name or address
accounts-none = There is no such account.
account-person = Person
account-role-of = Role
account-role-hint = What they may open. It counts from when it is saved, also for whoever is signed in.
account-of-client = Client
account-standing = State
account-open = Open
account-closed = Closed
account-closed-hint = Nobody comes in by a closed account, and no letters go to it. Whoever is signed in is out when it is saved.
account-change = Change the account
account-nothing-changed = You changed nothing.
account-last-admin = Not saved: this is the last account that administrates. Give another one that role first.
account-changes = Changes
account-became = What changed
account-was-closed = closed
account-was-opened = opened again
account-when = When
