// Small comforts. Every page works without them.

// Show what is typed as a password.
for (const button of document.querySelectorAll('.eye')) {
  const input = document.getElementById(button.getAttribute('aria-controls'));
  button.hidden = false;
  button.addEventListener('click', () => {
    const shown = input.type === 'text';
    input.type = shown ? 'password' : 'text';
    button.setAttribute('aria-pressed', String(!shown));
    input.focus();
  });
  // A password manager and the browser's history must meet a password field.
  input.form.addEventListener('submit', () => { input.type = 'password'; });
}

// A second click on the way sends nothing twice. A page that comes back from the browser's memory is usable again.
for (const form of document.querySelectorAll('form[method="post"]')) {
  form.addEventListener('submit', (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = 'true';
  });
}
addEventListener('pageshow', (event) => {
  if (event.persisted) for (const form of document.forms) delete form.dataset.sent;
});

// How much is left of a deadline, as long as somebody looks at it.
const counting = document.querySelectorAll('[data-due]');
const span = (minutes) => minutes < 60 ? `${minutes} min` : minutes < 1440 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` :
  `${Math.floor(minutes / 1440)} d ${Math.floor(minutes / 60) % 24} h`;
const count = () => {
  for (const one of counting) {
    const left = Math.floor((Date.parse(one.dataset.due) - Date.now()) / 60_000);
    const isOverdue = left < 0;
    one.textContent = `${isOverdue ? one.dataset.overdue : one.dataset.left} ${span(isOverdue ? -left - 1 : left)}`;
    one.closest('.state').classList.toggle('dead', isOverdue);
    one.closest('.state').classList.toggle('running', !isOverdue);
  }
};
if (counting.length > 0) {
  count();
  setInterval(count, 20_000);
}

// A page that says so refreshes itself while somebody looks at it, and never under a hand that is typing or choosing.
const every = Number(document.body.dataset.refreshS);
if (every > 0) {
  setInterval(() => {
    const busy = document.querySelector('[data-live] details[open], [data-live] input[type="checkbox"]:checked') || getSelection()?.toString() ||
      document.activeElement?.matches('input, select, textarea, button, summary');
    if (!document.hidden && !busy) refresh();
  }, every * 1000);
}

async function refresh() {
  let isFresh = false;
  try {
    const answer = await fetch(location.href, { headers: { accept: 'text/html' }, signal: AbortSignal.timeout(10_000) });
    // Signed out, or no longer an operator: the page that says so is the true one.
    if (answer.redirected || answer.status === 403) return location.reload();
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const [old, next] = [document.querySelector('[data-live]'), fresh.querySelector('[data-live]')];
    if (old && next) {
      old.replaceWith(next);
      isFresh = true;
    }
  } catch {
    // The next turn tries again; until then the page says that it is old.
  }
  const stale = document.querySelector('[data-stale]');
  if (stale) stale.hidden = isFresh;
}
