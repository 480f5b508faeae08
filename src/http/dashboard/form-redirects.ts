import type { Hono } from 'hono';

import type { DashboardEnv } from './context.ts';

/**
 * Gives the URL of each form a GET that redirects to the form's page: the nearest page above it. A browser requests
 * such a URL if a person opens it by hand, or returns to it after signing in.
 */
export const redirectFormUrls = (dashboard: Hono<DashboardEnv>): void => {
  const pathsOf = (method: string) => new Set(dashboard.routes.filter((one) => one.method === method).map(toPath));
  const pages = pathsOf('GET');
  for (const form of pathsOf('POST')) {
    if (pages.has(form)) continue;
    const page =
      [...pages]
        .filter((one) => one !== '/' && form.startsWith(`${one}/`))
        .sort(byLength)
        .at(-1) ?? '/apps';
    const parts = `/dashboard${page}`.split('/');
    dashboard.get(form, ({ req, redirect }) => {
      const asked = new URL(req.url).pathname.split('/');
      const path = parts.map((part, index) => (part.startsWith(':') ? (asked[index] ?? '') : part)).join('/');
      return redirect(path, 303);
    });
  }
};

const toPath = ({ path }: { path: string }): string => path;

const byLength = (left: string, right: string): number => left.length - right.length;
