# What goes wrong.
problem-bad-request = We did not understand the request
problem-bad-request-say = Something arrived incomplete. Go back to the page and try again.
problem-not-signed-in = You have to log in
problem-not-signed-in-say = Log in to see this page.
problem-forbidden = This page is not for your account
problem-forbidden-say = Your account may not open it. If you need it, ask an administrator.
problem-form-expired = The form has expired
problem-form-expired-say = For your safety we did not accept it: a long time has passed, or it did not come from this page. Nothing was saved; go back and send it again.
problem-not-found = There is nothing here
problem-not-found-say = The address does not exist, or the page has moved.
problem-method = That cannot be done here
problem-method-say = The page exists, but it does not accept that action.
problem-too-large = That is too much
problem-too-large-say = What you sent is over 64 KiB, more than this form can take. Nothing was saved.
problem-too-many = Too many tries
problem-too-many-say = To protect accounts, there is a limit to tries in a row.
problem-wait = { $seconds ->
    [one] Try again in one second.
   *[other] Try again in { $seconds } seconds.
}
problem-unavailable = Come back in a moment
problem-unavailable-say = Something we need is not answering now. Nothing of yours was lost; try again in a few seconds.
problem-internal = This one is our fault
problem-internal-say = You did nothing wrong. It has been noted; try again in a while.
problem-back = Go back
problem-home = Go to the start
problem-id = If you write to us, give us this number:
