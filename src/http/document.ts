import { html } from 'hono/html';
import type { Child } from 'hono/jsx';

/** Adds the doctype. Without it a browser uses quirks mode (HTML Living Standard, 13.2.6.4.1). */
export const withDoctype = (page: Child) => html`<!doctype html>${page}`;

/** What the head of every page has. */
export const head = (title: string) =>
  html`<meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>${title}</title>
    <link rel="icon" href="/assets/favicon.svg" type="image/svg+xml" />`;

/**
 * The frame of every page outside the dashboard. A template, because JSX takes milliseconds to start in a new isolate.
 */
export const frame = (title: string, body: Child) =>
  html`<html lang="en">
    <head>
      ${head(title)}
      <link rel="stylesheet" href="/assets/page.css" />
    </head>
    <body>
      <main>
        <p class="brand"><span class="mark" aria-hidden="true"></span>Mushu Health</p>
        ${body}
      </main>
    </body>
  </html>`;

/** The body of the redirect to the app: some browsers open an app only on a tap. */
export const returnPage = (location: string) =>
  frame(
    'Back to the app',
    html`<h1>Almost done</h1>
      <p>You are returning to the app. If nothing happens, tap the button.</p>
      <p><a class="button" href="${location}">Back to the app</a></p>`,
  );
