/** The stylesheet of the pages that are not the dashboard's. */
export const PAGE_CSS = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 0; display: grid; min-height: 100vh; place-items: center; background: light-dark(#f6f6f4, #17181a); color: light-dark(#1c1d20, #ececea); }
main { max-width: 32rem; padding: 2rem; }
h1 { font-size: 1.5rem; line-height: 1.25; }
code { font: 0.9em ui-monospace, monospace; overflow-wrap: anywhere; }
.evidence { color: light-dark(#5c5e63, #a7a9ae); font-size: 0.875rem; }
.button { display: inline-block; padding: 0.75rem 1.25rem; border-radius: 0.5rem; background: light-dark(#1c1d20, #ececea); color: light-dark(#fff, #17181a); text-decoration: none; }
.button:focus-visible { outline: 3px solid light-dark(#3b6fd4, #8db4ff); outline-offset: 2px; }
`;
