// The dashboard's only script. Every page works without it: it copies, shows times in the reader's zone, and moves
// between the points of a plot by the arrow keys. It makes no request and writes no HTML.

for (const button of document.querySelectorAll('button[data-copy]')) {
  const label = button.textContent;
  button.hidden = false;
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = 'Copied';
    } catch {
      button.textContent = 'Not copied';
    }
    setTimeout(() => {
      button.textContent = label;
    }, 2_000);
  };
  button.addEventListener('click', () => void copy());
}

const local = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZoneName: 'short',
});
for (const time of document.querySelectorAll('time[data-moment]'))
  time.textContent = local.format(new Date(time.dateTime));

const STEPS = { ArrowLeft: -1, ArrowRight: 1 };
for (const plot of document.querySelectorAll('svg.plot')) {
  const points = [...plot.querySelectorAll('.point')];
  // One point can be reached by the tab key, first the newest.
  points.at(-1)?.setAttribute('tabindex', '0');
  plot.addEventListener('keydown', (event) => {
    const from = points.indexOf(document.activeElement);
    const to = { Home: 0, End: points.length - 1 }[event.key] ?? from + (STEPS[event.key] ?? 0);
    if (from < 0 || to === from || points[to] === undefined) return;
    event.preventDefault();
    points[from].setAttribute('tabindex', '-1');
    points[to].setAttribute('tabindex', '0');
    points[to].focus();
  });
}
