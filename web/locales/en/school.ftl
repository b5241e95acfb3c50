# The school.
nav-courses = Courses
nav-my-courses = My courses
courses-title = Courses
courses-lead = Short, in Spanish, and made to be finished.
courses-none = There is none yet. Come back soon.
level-beginner = For beginners
level-intermediate = With some experience
level-advanced = Advanced
course-hours = { $hours ->
    [one] one hour
   *[other] { $hours } hours
}
course-free = Free
course-sections = What you will see
course-yours = This course is yours
course-taught = You teach this course
course-read = Read the lessons
course-go-on = Go on
course-sign-in = Sign in to enrol
course-enrol = Enrol
course-enrolled = You are in. Start whenever you like.
course-completed = You have finished the course. Congratulations!
course-already = This course is yours already.
course-unsold = This course is no longer offered.
course-suspended = Paused while the payment is being settled.
course-revoked = Closed: the payment went back.
course-teacher = Teacher
course-learners = Learners
section-minutes = { $minutes } min
section-optional = optional
section-done = done
lesson-video = Video
lesson-done = Mark as done
lesson-next = Next
lesson-before = Previous
lesson-after = Skip to the next
my-courses-none = You have none yet.
my-courses-taught = Those that you teach
my-courses-taken = Those that you take
my-courses-progress = Lessons done
my-courses-completed = Finished on { $at }

# Buying and paying.
nav-sales = Sales
course-no-provider = It cannot be bought right now. Come back soon.
pay-with-stripe = Pay by card
pay-with-paypal = Pay with PayPal
pay-title = On to the payment
pay-go = Go and pay
pay-wait = The page for your payment is being made; it takes a second or two.
purchase-title = Your purchase
purchases-title = My purchases
purchases-none = There is none yet.
purchase-amount = Amount
purchase-refunded = Refunded
purchase-refund = Refund
purchase-declined = That way of paying was declined, and nothing was charged. Go back to the payment page and choose another.
purchase-unpaid = You came back without paying, and nothing was charged. You can go and pay now, or choose another way of paying.
purchase-when = Date
purchase-number = Number
purchase-course = Go to the course
sale-course = Course
sale-state = State
sale-pending = To be paid
sale-on-its-way = Payment on its way
sale-paid = Paid
sale-part-refunded = Partly refunded
sale-refunded = Refunded
sale-disputed = Disputed
sale-lost = Dispute lost
sale-review = In review
sale-expired = Expired
sale-failed = Could not be paid
sale-pending-say = We are waiting to hear of your payment. If you have paid, it usually takes seconds; some ways of paying take hours.
sale-on-its-way-say = You have paid, and the money is on its way; some ways of paying take hours or days. Do not pay again: the course opens by itself when it comes.
sale-paid-say = The course is yours.
sale-part-refunded-say = Some of the money went back to you; the course stays open.
sale-refunded-say = Your money went back to you. Your bank may take some days to show it.
sale-disputed-say = Your bank disputes this payment. The course is paused until that is settled.
sale-lost-say = Your bank took the money back, and the course is closed.
sale-review-say = Something about this payment does not add up, and a person is looking at it. There is nothing you need to do.
sale-expired-say = The time to pay is over and nothing was charged. You can start again from the course.
sale-failed-say = The payment could not be made and nothing was charged. You can start again from the course.
refund-requested = asked for
refund-pending = on its way
refund-succeeded = done
refund-failed = not possible
refund-came-back = the bank did not take it, and the money came back to us
sales-all = all
sale-provider = Taken by
sale-buyer = Buyer
sale-charged = Charged
sale-refunds = Refunds
sale-refund = Give money back…
sale-refund-amount = How much
sale-refund-hint = Empty: all that is left, { $left }.
sale-refund-reason = Why
sale-refund-sure = Yes, give it back
sale-refund-asked = The refund was asked for. What becomes of it will stand here.
sale-movements = Movements
sale-messages = Messages received
movement-charge = charge
movement-fee = fee
movement-refund = refund
movement-refund-reversal = refund that came back
movement-dispute = dispute
movement-dispute-reversal = dispute won
ledger-clearing = with the provider
ledger-revenue = revenue
ledger-fees = fees
ledger-refunds = refunds
ledger-disputes = disputes
ledger-suspense = in suspense
message-waits = to be looked into
message-applied = the sale was looked at
message-ignored = not ours
sale-close-review = It has been looked at
sale-review-closed = The review is closed.
sale-review-not-closed = Nothing changed: the review was closed already, or money is still to go back.
review-amount = The amount that came is not that of the sale. Give it back: the course stays closed.
review-currency = The money came in another currency. Give it back: the course stays closed.
review-account = The payment went to another account. Look at the provider's.
review-livemode = The payment is of the other world: a trial's here, or real money in a trial.
review-sale = The provider says that this payment is for another sale.
review-bought-again = The money is with us again, and the course was bought anew meanwhile: give it back.
review-second-payment = The course was paid already; this second payment goes back by itself.
refund-too-fine = It has more decimals than the currency. Set thousands apart with spaces. { $left } is left.
refund-no-amount = Write an amount such as 49.50. { $left } is left.
refund-nothing = Zero gives nothing back. { $left } is left.
refund-other-currency = The purchase was not paid in that currency. { $left } is left.
refund-too-much = It is more than is left: { $left }.
refund-not-now = Nothing can go back now: the bank decides, or nothing has come. { $left } is left.
refund-form-used = This form has asked for another refund before; see below. If you want this one too, send it again. { $left } is left.
refund-unknown-payment = { $left } are left. This money was entered without the provider's name for its payment, so it cannot be given back from here.

# The books, compared.
reconciliation-title = Reconciliation
reconciliation-none = Our books and the providers' agree.
reconciliation-none-asked = { $sales ->
    [one] There are no differences. The latest comparison asked about one sale again; what comes of it stands there.
   *[other] There are no differences. The latest comparison asked about { $sales } sales again; what comes of it stands at each.
}
reconciliation-not-yet = Not compared yet with: { $providers }.
reconciliation-closed = Noted. Should either amount change, it comes back.
reconciliation-what = What differs
reconciliation-ours = Here
reconciliation-theirs = There
reconciliation-since = Since
reconciliation-runs = Comparisons
reconciliation-never = Nothing has been compared yet.
reconciliation-seen = Seen
reconciliation-asked = Asked about
difference-no-such-sale = A payment without a sale
difference-amount = The amount is not the same
difference-paid-here-only = Paid here and not there
difference-missing-there = Unknown there

# Statistics of sales.
statistics-title = Statistics of sales
statistics-until = Complete to
statistics-never = There are no figures yet: they are worked out every half an hour. If none come, see whether a worker is running.
statistics-stale = The figures are more than three quarters of an hour old: see whether a worker is running.
statistics-failed = The figures could not be refreshed; these are the last ones.
statistics-clock = Days go by the clock of { $zone }.
statistics-agree = They agreed with the ledger on
statistics-differ = They did not agree with the ledger on
statistics-stretch = Stretch
statistics-currency = Currency
statistics-days = { $days ->
    [365] a year
    [730] two years
   *[other] { $days } days
}
statistics-sales = Sales
statistics-gross = Charged
statistics-returned = Returned
statistics-net = Net
statistics-by-day = Net by day
statistics-best = Best day:
statistics-as-table = As a table
statistics-day = Day
statistics-by-course = By course

# Certificates.
nav-certificates = My certificates
nav-all-certificates = Certificates
course-certificate = See your certificate
certificates-none = You have none yet. One comes by itself when you finish a course.
certificates-none-counts = None of yours counts at present.
certificates-ended = They count no more
certificate-replaced-do = Another took its place; the page of its serial says which.
certificate-refunded-do = If you take the course again another is issued, without doing the lessons twice.
certificate-revoked-do = If you think that this is a mistake, write to the school: it can issue another, with a serial of its own.
certificate-on-its-way = Being prepared
certificate-in-trouble = A detail is missing; we are looking at it
certificate-unprintable = It could not be issued: your name has signs that we cannot print:
certificate-unprintable-cure = Write it with others in your account, as you want it to appear; the certificate then comes at once.
certificate-change-name = Change my name
certificate-refunded = the payment of the course was returned.
certificate-download = Download
certificate-badge = Digital badge (Open Badges)
certificate-serial = Serial
certificate-holder = Name
certificate-course = Course
certificate-completed = Completed
certificate-ended = Counts no more since
certificate-reason = Reason
certificate-successor = Counts in its place
certificate-last-revoked = The last was revoked
certificate-signed = Signature
certificate-statement = what is signed

# Checking a certificate.
check-title = Check a certificate
check-ask = Type the serial that is printed on it, or bring the file.
check-go = Check
check-valid = This certificate is genuine
check-valid-say = We issued it, and it counts.
check-revoked = This certificate was revoked
check-revoked-say = We issued it, but it counts no more.
check-superseded = This certificate was replaced
check-superseded-say = We corrected it and issued another, which is the one that counts.
check-superseded-revoked-say = We corrected it and issued another, which was revoked later: none of them counts.
check-forged = This certificate cannot be trusted
check-forged-say = What we keep does not match its signature. Write to us before you believe it.
check-unknown = We do not know this certificate
check-unknown-say = We issued none like it. Look at the serial again: it has sixteen letters and digits after CC.
check-another = Check another one
check-file = Do you have the file?
check-file-say = It shows whether it is the one that we issued, byte by byte. We keep nothing of it.
check-file-go = Compare
check-file-same = The file is the one that we issued.
check-file-another = The file is another certificate of ours.
check-file-unknown = The file is none of ours: somebody changed it, or it was saved in another way.
check-file-too-large = The file has more than 1 MiB; no certificate of ours is that large.
check-file-missing = Choose a file first.

# Certificates, for administrators.
certificates-in-trouble = Cannot be issued
certificates-all = All
certificates-find = Serial, address or name
certificates-nothing = There are none.
certificate-state = State
certificate-is-valid = counts
certificate-is-on-its-way = on its way
certificate-is-in-trouble = not issued
certificate-is-revoked = revoked
certificate-is-superseded = replaced
certificate-account = Account
certificate-asked = Asked for
certificate-issued = Issued
certificate-check = check
certificate-revisions = All versions
certificate-problem-say = It cannot be issued. Correct the name below, or install the missing font and run the job again.
certificate-reissue = Issue under another name…
certificate-issue-anew = Issue a new one…
certificate-name = Name
certificate-name-hint = As it is printed. The one that counts now is replaced as soon as the new one is ready.
certificate-note = Why (not published)
certificate-reissue-sure = Issue
certificate-reissued = Asked for. As soon as it is ready, this is the one that counts.
certificate-ask = Ask for a certificate…
certificate-ask-say = For whoever has finished a course and has none.
certificate-ask-sure = Ask for it
ask-no-person = There is no account with that address.
ask-no-course = Choose a course.
ask-not-taken = They do not take that course.
ask-not-open = The course is not open to them: their payment is disputed or went back.
ask-nothing-done = They have not done any lesson yet.
ask-unfinished = They have not finished it; still to be done: { $lessons }.
ask-has-one = There is one already, which is corrected at its own page.
ask-other = See that certificate
certificate-revoke = Revoke…
certificate-why = Why
certificate-why-hint = Everybody who checks the certificate reads it.
certificate-why-blank = Write the reason.
certificate-revoke-sure = Yes, revoke it
certificate-revoked = Revoked. The page where it is checked says so already.
certificate-not-now = It is too late: it counts no more, or another one is on its way.

# A course's announcements.
announcements-title = Announcements
announcements-none = There are none yet.
announcement-subject = Subject
announcement-body = Announcement
announcement-body-hint = Leave an empty line between paragraphs.
announcement-reaches = { $learners ->
    [0] Nobody takes the course yet.
    [one] It will reach the one person who takes the course by mail, unless they do not want such letters.
   *[other] It will reach the { $learners } people who take the course by mail, except those who do not want such letters.
}
announcement-tell = Tell everybody
announcement-told = The announcement is on its way.
announcement-too-many = There were { $most } announcements in 24 hours: this one has to wait until tomorrow.
announcement-letters = { $letters ->
    [one] one letter
   *[other] { $letters } letters
}
announcement-sent = { $letters ->
    [one] one sent
   *[other] { $letters } sent
}
announcement-withheld = { $letters ->
    [one] one kept back (not wanted, or the address takes none)
   *[other] { $letters } kept back (not wanted, or the address takes none)
}
announcement-on-its-way = on its way
