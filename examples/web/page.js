// The page asks the broker itself, with a token that is good for this user alone.
const find = (selector) => document.querySelector(selector);
const [weight, state, connect, again, leave] = ['#weight', '#state', '#connect', '#again', '#leave'].map(find);

/** Says how it is, and shows the buttons that help. */
const say = (text, ...buttons) => {
  state.textContent = text;
  for (const button of [connect, again, leave]) button.hidden = !buttons.includes(button);
};

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

let handed;

/** What our own server hands out: where the broker is, and a token for this user. */
const handOut = async () => {
  const answer = await fetch('/token');
  if (!answer.ok) throw new Error(`/token answered ${answer.status}`);
  return answer.json();
};

/** Asks the broker about this user. A token lives for an hour, so one that is refused is replaced once. */
const ask = async (method, path, isAgain = false) => {
  handed ??= await handOut();
  const { url, appId, userId, token } = handed;
  const target = `${url}/apps/${appId}/${path.replace('USER', encodeURIComponent(userId))}`;
  const answer = await fetch(target, { method, headers: { Authorization: `Bearer ${token}` } });
  if (answer.status === 401 && !isAgain) {
    handed = undefined;
    return ask(method, path, true);
  }
  return answer;
};

const KINDLY = new Intl.DateTimeFormat(undefined, { dateStyle: 'long' });

/** Shows the newest weight with its day, and the last ones as a line. */
const showWeight = async () => {
  const answer = await ask('GET', 'metrics/USER?metric=weight&limit=90');
  const { data } = answer.ok ? await answer.json() : { data: [] };
  const [newest] = data;
  weight.hidden = newest === undefined;
  if (newest === undefined) return;
  find('#weight strong').textContent = newest.value.toFixed(1);
  find('#weight span').textContent = newest.unit;
  find('figcaption').textContent = KINDLY.format(new Date(newest.measured_at));
  const times = data.map((one) => Date.parse(one.measured_at));
  const values = data.map((one) => one.value);
  const place = (value, all, size) => ((value - Math.min(...all)) / (Math.max(...all) - Math.min(...all) || 1)) * size;
  const points = data.map((_, at) => `${place(times[at], times, 320)},${85 - place(values[at], values, 80)}`);
  find('polyline').setAttribute('points', points.join(' '));
};

const MOST_TRIES = 5;

/** Pulls until everything is stored. What can go wrong on the way is said, with what to do. */
const sync = async () => {
  for (let tries = 0; tries < MOST_TRIES;) {
    const answer = await ask('POST', 'withings/sync/USER');
    const body = await answer.json();
    if (answer.ok) {
      await showWeight();
      if (body.complete) return say(weight.hidden ? 'Step on your scale: no weight yet.' : 'Up to date.', leave);
      // 202: more is to come. It goes on here, and at the broker if the page is closed.
      say('Reading your history…', leave);
      tries = body.added > 0 ? 0 : tries + 1;
      await pause(body.added > 0 ? 0 : 2);
      continue;
    }
    if (body.code === 'not_connected') return say('Not connected yet.', connect);
    if (body.code === 'reauth_required') return say('Withings asks for your consent again.', connect, leave);
    const wait = Number(answer.headers.get('Retry-After'));
    if (!(wait > 0)) return say(`This did not work: ${body.title}`, again, leave);
    tries += 1;
    for (let left = wait; left > 0; left -= 1) {
      say(`Withings cannot answer just now. Next try in ${left} s.`, leave);
      await pause(1);
    }
  }
  say('Not everything is here yet. The rest comes by itself.', again, leave);
};

/** Words for the endings that a person can do something about. */
const ENDINGS = {
  access_denied: 'You did not allow access, so nothing is connected.',
  already_connected: 'Another Withings account is connected. Disconnect it first.',
  account_in_use: 'This Withings account belongs to another user of the app.',
  not_recognized: 'That was not the answer to your last link. Connect again.',
};

const start = async () => {
  say('…');
  try {
    await showWeight();
    await sync();
  } catch {
    say('The broker cannot be reached.', again);
  }
};

again.addEventListener('click', start);
leave.addEventListener('click', async () => {
  const answer = await ask('DELETE', 'withings/disconnect/USER');
  say(answer.ok ? 'Disconnected. Your measurements stay.' : 'This did not work.', answer.ok ? connect : leave);
});

const error = new URLSearchParams(location.search).get('error');
// A reload does not say it again.
history.replaceState(null, '', location.pathname);
if (error === null) await start();
else say(ENDINGS[error] ?? 'The connection could not be made. Try again.', connect);
