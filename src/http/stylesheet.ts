/** The stylesheet of the pages that are not the dashboard's. */
export const PAGE_CSS = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 0; display: grid; min-height: 100vh; place-items: center; background: light-dark(#f6f6f4, #17181a); color: light-dark(#1c1d20, #ececea); }
main { max-width: 32rem; padding: 2rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; }
code { font: 0.9em ui-monospace, monospace; overflow-wrap: anywhere; }
.evidence { color: light-dark(#5c5e63, #a7a9ae); font-size: 0.875rem; }
.button { display: inline-block; padding: 0.75rem 1.25rem; border-radius: 0.5rem; background: light-dark(#1c1d20, #ececea); color: light-dark(#fff, #17181a); text-decoration: none; }
.button:focus-visible { outline: 3px solid light-dark(#3b6fd4, #8db4ff); outline-offset: 2px; }
`;

/** The stylesheet of the API reference. */
export const REFERENCE_CSS = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; --line: light-dark(#d9d9d4, #37393d); --quiet: light-dark(#5c5e63, #a7a9ae); --surface: light-dark(#efefec, #202226); }
body { margin: 0; background: light-dark(#fbfbf9, #17181a); color: light-dark(#1c1d20, #ececea); }
main { max-width: 52rem; padding: 1rem 1.5rem 4rem; }
nav { padding: 1rem 1.5rem; font-size: 0.875rem; border-bottom: 1px solid var(--line); }
nav ul { list-style: none; margin: 0; padding: 0; }
nav p { margin: 1rem 0 0.25rem; font-weight: 600; }
a { color: light-dark(#2353a8, #8db4ff); }
h1, h2, h3, h4 { line-height: 1.25; margin: 2rem 0 0.5rem; }
h4 { font-size: 0.875rem; color: var(--quiet); margin-top: 1.25rem; }
article, section { border-top: 1px solid var(--line); }
.route b { display: inline-block; min-width: 4rem; }
.credential { color: var(--quiet); }
code { font: 0.875em ui-monospace, monospace; overflow-wrap: anywhere; }
pre { background: var(--surface); padding: 0.75rem 1rem; border-radius: 0.5rem; overflow-x: auto; }
pre code { overflow-wrap: normal; }
table { width: 100%; border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: 0.375rem 0.75rem 0.375rem 0; border-bottom: 1px solid var(--line); font-weight: 400; }
details { margin: 0.25rem 0; }
summary { cursor: pointer; }
:focus-visible { outline: 3px solid light-dark(#3b6fd4, #8db4ff); outline-offset: 2px; }
@media (min-width: 64rem) {
  body { display: grid; grid-template-columns: 18rem 1fr; }
  nav { position: sticky; top: 0; height: 100vh; box-sizing: border-box; overflow-y: auto; border: 0; border-right: 1px solid var(--line); }
}
`;
