import { html } from 'hono/html';

import type { Person } from '../people/people.ts';
import type { AuthorizationRequest } from './authorize.ts';

/** An escaped piece of a page, as hono's `html` makes it. */
export type Markup = ReturnType<typeof html>;

const scopeWords: Record<string, string> = {
  'user.info': 'Your account and devices',
  'user.metrics': 'Your measurements: weight, body composition, heart',
  'user.activity': 'Your activity and sleep',
  'user.sleepevents': 'When you get into and out of bed',
};

const style = html`<style>
  :root {
    color-scheme: light dark;
    --line: #8886;
    --accent: #0b6e6e;
  }
  body {
    margin: 0;
    font:
      17px/1.5 system-ui,
      sans-serif;
  }
  main {
    max-width: 34rem;
    margin: 0 auto;
    padding: 2rem 1.25rem 3rem;
  }
  .note {
    border-bottom: 1px solid var(--line);
    padding: 0.5rem 1.25rem;
    font-size: 0.875rem;
    text-align: center;
  }
  h1 {
    font-size: 1.5rem;
    line-height: 1.25;
  }
  fieldset {
    border: 0;
    margin: 1.5rem 0;
    padding: 0;
  }
  legend {
    font-weight: 600;
    padding: 0;
    margin-bottom: 0.5rem;
  }
  label {
    display: flex;
    gap: 0.75rem;
    align-items: baseline;
    border: 1px solid var(--line);
    border-radius: 0.5rem;
    padding: 0.75rem 1rem;
    margin-bottom: 0.5rem;
    cursor: pointer;
  }
  label:has(:checked) {
    border-color: var(--accent);
    outline: 1px solid var(--accent);
  }
  label small {
    display: block;
    opacity: 0.75;
  }
  button {
    font: inherit;
    padding: 0.6rem 1.5rem;
    border-radius: 0.5rem;
    border: 1px solid var(--accent);
    background: transparent;
    color: inherit;
    cursor: pointer;
  }
  button[value='allow'] {
    background: var(--accent);
    color: #fff;
  }
  :focus-visible {
    outline: 3px solid #3a8ee6;
    outline-offset: 2px;
  }
  .buttons,
  .weigh-in {
    display: flex;
    gap: 0.75rem;
    align-items: center;
  }
  .weigh-in {
    margin: 0.5rem 0 1.5rem;
  }
  input[type='number'] {
    font: inherit;
    width: 6rem;
    padding: 0.6rem;
    border-radius: 0.5rem;
    border: 1px solid var(--line);
    background: transparent;
    color: inherit;
  }
</style>`;

/** A page of the simulator. */
export const page = (title: string, content: Markup): Markup =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        ${style}
      </head>
      <body>
        <p class="note">This is a simulated Withings. The people and their data are invented.</p>
        <main>${content}</main>
      </body>
    </html>`;

const choice = (person: Person, checked: boolean): Markup =>
  html`<label>
    <input type="radio" name="person" value="${person.id}" required ${checked ? html`checked` : ''} />
    <span>${person.name}<small>${person.description}</small></span>
  </label>`;

/** Asks which person is signed in, and whether they allow the client. The form posts back to the same URL. */
export const consentPage = (request: AuthorizationRequest, people: Person[]): Markup => {
  const title = `Allow ${request.client.name} to use your Withings data?`;
  return page(
    title,
    html`<h1>${title}</h1>
      <p>${request.client.name} asks for:</p>
      <ul>
        ${request.scopes.map((scope) => html`<li>${scopeWords[scope]}</li>`)}
      </ul>
      <form method="post">
        <fieldset>
          <legend>Who are you?</legend>
          ${people.map((person, index) => choice(person, index === 0))}
        </fieldset>
        <p class="buttons">
          <button type="submit" name="decision" value="allow">Allow</button>
          <button type="submit" name="decision" value="deny" formnovalidate>Deny</button>
        </p>
      </form>`,
  );
};

/** What a browser is shown when it cannot be sent back to the client. */
export const errorPage = (message: string): Markup =>
  page(
    'This cannot continue',
    html`<h1>This cannot continue</h1>
      <p>${message}</p>`,
  );
