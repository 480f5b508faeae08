/**
 * The dashboard's stylesheet. Colours are chosen for a contrast of at least 4.5 to 1 in both schemes (WCAG 2.2, 1.4.3); no colour says
 * anything that a word beside it does not say too.
 */
export const DASHBOARD_CSS = `
:root {
  color-scheme: light dark;
  --paper: light-dark(#f8f8f5, #131416);
  --card: light-dark(#ffffff, #1b1d20);
  --ink: light-dark(#1b1d21, #e9e9e6);
  --soft: light-dark(#575b63, #a6aab2);
  --line: light-dark(#dfdfd9, #33363b);
  --edge: light-dark(#85888f, #7b8088);
  --accent: light-dark(#17645f, #6ccbc3);
  --on-accent: light-dark(#ffffff, #0c1f1d);
  --tint: light-dark(#e7f1ef, #1a2d2c);
  --good: light-dark(#1a6437, #84d6a0);
  --wait: light-dark(#775000, #eec46b);
  --bad: light-dark(#a52d1c, #ff9f8d);
  --bad-tint: light-dark(#fbecea, #33201d);
  --wait-tint: light-dark(#faf1de, #2e2615);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", sans-serif;
}
*, ::before, ::after { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font-variant-numeric: tabular-nums; overflow-wrap: break-word; }
h1, h2, h3, p, ul, ol, dl, dd, figure, fieldset { margin: 0; padding: 0; }
h1 { font-size: 1.75rem; line-height: 1.2; letter-spacing: -0.015em; font-weight: 650; }
h2 { font-size: 1.1875rem; line-height: 1.3; font-weight: 650; }
h3 { font-size: 1rem; font-weight: 650; }
a { color: var(--accent); text-underline-offset: 0.2em; text-decoration-thickness: 1px; }
code, pre, .copy { font: 0.875rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
code { overflow-wrap: anywhere; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 0.25rem; }
main:focus { outline: none; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: 1rem; top: -4rem; z-index: 1; padding: 0.5rem 1rem; background: var(--card); border-radius: 0 0 0.5rem 0.5rem; }
.skip:focus { top: 0; }

.top { border-bottom: 1px solid var(--line); background: var(--card); }
.bar, main { max-width: 66rem; margin-inline: auto; padding-inline: 1.25rem; }
.bar { display: flex; align-items: center; flex-wrap: wrap; gap: 0.25rem 1.5rem; min-height: 3.5rem; padding-block: 0.5rem; }
.brand { display: flex; align-items: center; gap: 0.5rem; font-weight: 650; color: inherit; text-decoration: none; }
.mark { width: 1.125rem; height: 1.125rem; border-radius: 50%; border: 0.3125rem solid var(--accent); border-right-color: var(--line); }
.bar nav { display: flex; gap: 0.25rem; flex: 1; }
.bar nav a { padding: 0.375rem 0.625rem; border-radius: 0.375rem; color: var(--soft); text-decoration: none; }
.bar nav a:hover { color: var(--ink); }
.bar nav a[aria-current] { color: var(--ink); font-weight: 600; background: var(--paper); }

main { padding-block: 2rem 5rem; display: flex; flex-direction: column; gap: 2rem; }
main.alone { min-height: 100vh; display: grid; place-content: center; grid-template-columns: minmax(0, 28rem); padding-block: 2rem; }
main.alone .card { gap: 1.25rem; padding: 2rem; }
section { display: flex; flex-direction: column; gap: 1rem; min-width: 0; }
main > section + section:not(.card), main > .halves + section, main > .halves { padding-top: 2rem; border-top: 1px solid var(--line); }
.card { display: flex; flex-direction: column; gap: 1rem; padding: 1.5rem; border: 1px solid var(--line); border-radius: 0.75rem; background: var(--card); }
.narrow { max-width: 34rem; }
.lead, .hint, .meta { color: var(--soft); }
.lead { max-width: 46rem; margin-top: -0.625rem; }
.hint { font-size: 0.9375rem; max-width: 46rem; }
.meta { font-size: 0.875rem; font-weight: 400; }
.none { color: var(--soft); }
.crumb { margin-bottom: -1.5rem; font-size: 0.9375rem; }
.title { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.375rem 0.875rem; }
.title h1 { overflow-wrap: anywhere; }
.title code { color: var(--soft); }
.tabs { display: flex; gap: 0.25rem 1.375rem; margin-top: -1rem; border-bottom: 1px solid var(--line); overflow-x: auto; }
.tabs a { padding: 0.5rem 0; margin-bottom: -1px; border-bottom: 2px solid transparent; color: var(--soft); text-decoration: none; white-space: nowrap; }
.tabs a:hover { color: var(--ink); }
.tabs a[aria-current] { color: var(--ink); font-weight: 600; border-color: var(--accent); }
.tabs a:focus-visible { outline-offset: -3px; }
.notice.bad { border-color: var(--bad); background: var(--bad-tint); }
.ranges { display: flex; flex-wrap: wrap; gap: 0.25rem; margin-left: auto; font-size: 0.9375rem; }
.ranges a { padding: 0.25rem 0.625rem; border-radius: 0.375rem; color: var(--soft); text-decoration: none; }
.ranges a:hover { color: var(--ink); }
.ranges a[aria-current] { color: var(--ink); font-weight: 600; background: var(--tint); }
.notice { padding: 0.75rem 1rem; border-left: 3px solid var(--accent); border-radius: 0.25rem; background: var(--tint); }
.empty { max-width: 46rem; padding: 1.25rem 1.5rem; border: 1px dashed var(--edge); border-radius: 0.75rem; }
.empty ol { margin-top: 0.75rem; padding-left: 1.25rem; }

.rows { list-style: none; border-top: 1px solid var(--line); }
.rows > li { display: flex; flex-wrap: wrap; align-items: center; gap: 0.25rem 1rem; padding-block: 0.75rem; border-bottom: 1px solid var(--line); }
.rows > li > code { color: var(--soft); }
.rows > li > .meta, .rows > li > .actions { margin-left: auto; }
.rows .uri { flex: 1 1 16rem; color: inherit; }
.row-link { font-weight: 600; min-width: 10rem; }
.actions { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem; }
.warning { flex-basis: 100%; padding-left: 0.75rem; border-left: 3px solid var(--wait); font-size: 0.9375rem; color: var(--wait); }
.more { margin-top: -1rem; }

form { margin: 0; display: flex; flex-direction: column; align-items: flex-start; gap: 1rem; }
.bar form, .actions form, td form { display: block; }
.field { display: flex; flex-direction: column; gap: 0.3125rem; width: 100%; }
label, legend { font-weight: 600; }
legend { padding: 0; }
.field .hint { margin-bottom: 0.125rem; }
input[type="text"], input[type="password"], input[type="search"], select { width: 100%; min-height: 2.75rem; padding: 0.5rem 0.75rem; border: 1px solid var(--edge); border-radius: 0.5rem; background: var(--card); color: inherit; font: inherit; }
::placeholder { color: var(--soft); opacity: 1; }
.wrong input { border-color: var(--bad); border-width: 2px; }
.error { color: var(--bad); font-weight: 500; }
.inline { flex-direction: row; flex-wrap: wrap; align-items: flex-end; gap: 0.75rem; max-width: 46rem; }
.inline .field.short { flex: 0 1 12rem; }
.inline .field { flex: 1 1 16rem; width: auto; }
button, .button { display: inline-flex; align-items: center; min-height: 2.75rem; padding: 0.5rem 1.125rem; border: 1px solid var(--accent); border-radius: 0.5rem; background: var(--accent); color: var(--on-accent); font: inherit; font-weight: 600; text-decoration: none; cursor: pointer; }
button:hover, .button:hover { filter: brightness(1.08); }

button.quiet, .button.quiet { min-height: 2.25rem; padding: 0.25rem 0.75rem; border-color: var(--line); background: transparent; color: var(--ink); font-weight: 500; }
button.quiet:hover, .button.quiet:hover { border-color: var(--edge); }
.inline button.quiet { min-height: 2.75rem; }
button.danger { color: var(--bad); }
button.final { border-color: var(--bad); background: var(--bad); color: light-dark(#fff, #2a0f0a); }
.choices { display: flex; flex-direction: column; gap: 0.75rem; border: 0; max-width: 46rem; }
.choices legend { margin-bottom: 0.5rem; }
.choice { display: grid; grid-template-columns: 1.25rem 1fr; gap: 0 0.625rem; max-width: 46rem; }
.choice input { width: 1.125rem; height: 1.125rem; margin: 0.1875rem 0 0; accent-color: var(--accent); }
.choice p { grid-column: 2; color: var(--soft); font-size: 0.9375rem; }
.secret { border-color: var(--accent); background: var(--tint); }
input.copy { background: var(--card); user-select: all; text-overflow: ellipsis; }

.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; text-align: left; }
th, td { padding: 0.625rem 1rem 0.625rem 0; border-bottom: 1px solid var(--line); vertical-align: middle; }
thead th { font-size: 0.875rem; font-weight: 500; color: var(--soft); white-space: nowrap; }
tbody th { font-weight: 600; }
td time, td .none { white-space: nowrap; }
.number { text-align: right; }
.end { text-align: right; padding-right: 0; }
td.end form { display: inline-block; }
tr.over th, tr.over td { color: var(--soft); font-weight: 400; }
.badge { display: inline-flex; align-items: center; gap: 0.375rem; padding: 0.0625rem 0.5rem; border: 1px solid currentColor; border-radius: 1rem; font-size: 0.8125rem; font-weight: 600; white-space: nowrap; }
.badge.good { color: var(--good); }
.badge.wait { color: var(--wait); }
.badge.bad { color: var(--bad); }
.badge.plain { color: var(--soft); }

details { border: 1px solid var(--line); border-radius: 0.625rem; background: var(--card); }
summary { padding: 0.75rem 1rem; cursor: pointer; font-weight: 600; }
summary:focus-visible { outline-offset: -3px; }
details > :not(summary) { margin: 0 1rem 1rem; }
pre { overflow: auto; max-height: 28rem; padding: 1rem; border-radius: 0.5rem; background: var(--paper); border: 1px solid var(--line); tab-size: 4; }

.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: 1px; overflow: hidden; border: 1px solid var(--line); border-radius: 0.75rem; background: var(--line); }
.figures > div { display: flex; flex-direction: column-reverse; justify-content: flex-end; padding: 1rem 1.25rem; background: var(--card); }
.figures dt { color: var(--soft); font-size: 0.9375rem; }
.figures dd { font-size: 1.75rem; font-weight: 600; line-height: 1.3; letter-spacing: -0.01em; }
.figures .small { font-size: 1.125rem; line-height: 1.5; letter-spacing: 0; }
.attention { list-style: none; display: flex; flex-direction: column; gap: 0.5rem; }
.attention li { padding: 0.75rem 1rem; border-left: 3px solid var(--wait); border-radius: 0.25rem; background: var(--wait-tint); }
.attention li.bad { border-color: var(--bad); background: var(--bad-tint); }
.halves { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 2rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.25rem; }
figure { display: flex; flex-direction: column; gap: 0.5rem; min-width: 0; padding: 1.25rem; border: 1px solid var(--line); border-radius: 0.75rem; background: var(--card); }
figcaption { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: 0 1rem; font-weight: 600; }
figcaption .latest { font-size: 1.25rem; }
figure details { border: 0; background: none; }
figure summary { padding: 0.25rem 0; font-size: 0.875rem; font-weight: 400; color: var(--soft); }
figure details > .scroll { margin: 0.25rem 0 0; }
figure .scroll { max-height: 20rem; overflow: auto; }
svg.plot { display: block; width: 100%; height: auto; font-size: 12px; }
.plot text { fill: var(--soft); }
.plot .grid { stroke: var(--line); stroke-width: 1; }
.plot .line { fill: none; stroke: var(--accent); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.plot .dot { fill: var(--card); stroke: var(--accent); stroke-width: 2; }
.plot .first { fill: var(--accent); }
.plot .second { fill: var(--card); stroke: var(--accent); stroke-width: 1.5; }
.legend { display: flex; flex-wrap: wrap; gap: 0 1rem; font-weight: 500; }
.swatch { display: inline-flex; align-items: center; gap: 0.375rem; }
.swatch svg { width: 0.75rem; }
.events { list-style: none; border-left: 2px solid var(--line); }
.events li { position: relative; padding: 0 0 1rem 1.25rem; }
.events li::before { content: ""; position: absolute; left: -0.4375rem; top: 0.4375rem; width: 0.75rem; height: 0.75rem; border: 2px solid var(--accent); border-radius: 50%; background: var(--paper); }
.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0.375rem 1.5rem; }
.facts dt { color: var(--soft); }

@media (max-width: 40rem) {
  main { padding-block: 1.5rem 4rem; }
  .bar { padding-block: 0.625rem; }
  .bar nav { order: 1; flex-basis: 100%; margin-inline: -0.625rem; }
  .bar form { margin-left: auto; }
  main.alone .card { padding: 1.5rem; }
  .rows > li > .meta { margin-left: 0; flex-basis: 100%; }
  .rows > li > .actions { margin-left: 0; }
  .card { padding: 1.25rem; }
  svg.plot { font-size: 17px; }
}
@media (prefers-reduced-motion: no-preference) { a, button, .button { transition: color 0.1s, border-color 0.1s, filter 0.1s; } }
`;
