import { html } from 'hono/html';

import { frame, withDoctype } from '../src/http/document.ts';
import { withoutIndentation } from './reference/page.ts';

/**
 * What a person sees who opens the broker's address: what it is, and where to go on. A static file, like the reference.
 */
export const renderFrontPage = async (version: string): Promise<string> =>
  withoutIndentation(
    String(
      await withDoctype(
        frame(
          'Mushu Health',
          html`<h1>A Withings OAuth broker</h1>
            <p>
              Apps connect their users' Withings accounts here. The broker keeps the tokens, pulls the body measurements
              and serves them to the app that the user allowed.
            </p>
            <ul class="ways">
              <li><a href="/dashboard">Dashboard</a>: apps, keys, redirect URIs and users</li>
              <li><a href="/docs">API reference</a>, also as <a href="/openapi.json">OpenAPI</a></li>
              <li><a href="/healthz">Health</a>: whether everything works</li>
            </ul>
            <p class="evidence">
              Version ${version}. Were you sent here by an app? Go back to it and start again from there.
            </p>`,
        ),
      ),
    ),
  );
