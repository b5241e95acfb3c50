# What every page says.
site-description = CompilandoCode: programming courses in Spanish and a help desk that answers.
skip = Skip to the content
nav = Main
nav-login = Log in
nav-register = Create account
nav-account = My account
nav-logout = Log out
nav-ops = Operations
other-language = Español
foot = CompilandoCode · programming school and help desk
foot-engine = Every letter and every deadline is a job that is never lost.
moment = { $day } { $month ->
    [1] January
    [2] February
    [3] March
    [4] April
    [5] May
    [6] June
    [7] July
    [8] August
    [9] September
    [10] October
    [11] November
   *[12] December
} { $year }, { $time }
day = { $day } { $month ->
    [1] January
    [2] February
    [3] March
    [4] April
    [5] May
    [6] June
    [7] July
    [8] August
    [9] September
    [10] October
    [11] November
   *[12] December
} { $year }

# The landing page.
landing-title = Learn to program, in Spanish
landing-hero = Learn to program.
landing-hero-end = Piece by piece.
landing-lead = Clear courses, made in Spanish, and a help desk that answers when something breaks.
landing-faces = What we do
landing-school-eyebrow = The school
landing-school = Courses people finish
landing-school-1 = Short lessons, with code that runs and makes sense.
landing-school-2 = At your own pace: every piece fits the one before.
landing-school-3 = A certificate that anybody can check.
landing-desk-eyebrow = The help desk
landing-desk = Somebody answers
landing-desk-1 = Every request has a person in charge.
landing-desk-2 = Every deadline is measured and kept in plain sight.
landing-desk-3 = Every piece of news reaches you by mail.
landing-start = Three steps to begin
landing-start-1 = Create your account with your name and your e-mail address.
landing-start-2 = Open the welcome letter and confirm your address.
landing-start-3 = Log in and choose where to begin.
