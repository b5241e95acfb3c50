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

// How much is left of a deadline, as long as somebody looks at it: by the server's clock, whatever the reader's shows, and in the page's own words. A timer is
// no news, so nobody is read each second aloud.
const counting = [...document.querySelectorAll('[data-due]')];
const two = (number) => String(number).padStart(2, '0');
const span = (s) => s < 60 ? `${s} s` : s < 3600 ? `${Math.floor(s / 60)} min ${two(s % 60)} s` :
  s < 86_400 ? `${Math.floor(s / 3600)} h ${two(Math.floor(s / 60) % 60)} min` : `${Math.floor(s / 86_400)} d ${two(Math.floor(s / 3600) % 24)} h`;
// From when the page began to come this clock and the reader's have gone alike.
const came = performance.getEntriesByType('navigation')[0]?.responseStart;
const ahead = Date.now() - (came ? performance.now() - came : 0) - Date.parse(counting[0]?.dataset.now);
const count = () => {
  let next = 60_000;
  for (const one of counting) {
    const left = Math.floor(Date.parse(one.dataset.due) - Date.now() + ahead);
    const isOverdue = left < 0;
    const step = Math.abs(left) < 3_600_000 ? 1000 : 60_000;
    next = Math.min(next, isOverdue ? step - -left % step : left % step + 1);
    const said = `${isOverdue ? one.dataset.overdue : one.dataset.left} ${span(Math.floor(Math.abs(left) / 1000))}`;
    if (one.textContent !== said) one.textContent = said;
    const state = one.closest('.state');
    if (state.classList.contains('dead') === isOverdue) continue;
    state.classList.toggle('dead', isOverdue);
    state.classList.toggle('running', !isOverdue);
    const icon = state.querySelector('use');
    icon.setAttribute('href', icon.getAttribute('href').replace(/#.*$/, isOverdue ? '#triangle-alert' : '#clock'));
  }
  setTimeout(count, next);
};
if (counting.length > 0) count();

// A page that says so refreshes itself while somebody looks at it, and never under a hand that is typing or choosing.
const isBusy = () => document.querySelector('[data-live] details[open], [data-live] input[type="checkbox"]:checked') || getSelection()?.toString() ||
  document.activeElement?.matches('input, select, textarea, button, summary');
let turns;
const keepPace = () => {
  clearInterval(turns);
  const every = Number(document.body.dataset.refreshS);
  if (every > 0) turns = setInterval(() => { if (!document.hidden && !isBusy()) refresh(); }, every * 1000);
};
keepPace();

async function refresh() {
  let isFresh = false;
  try {
    const answer = await fetch(location.href, { headers: { accept: 'text/html' }, signal: AbortSignal.timeout(10_000) });
    // Signed out, or no longer an operator: the page that says so is the true one.
    if (answer.redirected || answer.status === 403) return location.reload();
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const [old, next] = [document.querySelector('[data-live]'), fresh.querySelector('[data-live]')];
    if (old && next) {
      // Whoever has begun something meanwhile goes on with it.
      if (isBusy()) return;
      old.replaceWith(next);
      isFresh = true;
      // What was waited for may have come: the fresh page says whether to go on asking, and how often.
      const { refreshS } = fresh.body.dataset;
      if (refreshS !== document.body.dataset.refreshS) {
        if (refreshS === undefined) delete document.body.dataset.refreshS;
        else document.body.dataset.refreshS = refreshS;
        keepPace();
      }
    }
  } catch {
    // The next turn tries again; until then the page says that it is old.
  }
  const stale = document.querySelector('[data-stale]');
  if (stale) stale.hidden = isFresh;
}
