import type { Child } from 'hono/jsx';
import type { ContentfulStatusCode } from 'hono/utils/http-status';

import type { App } from '../../../domain/app.ts';
import type { DashboardContext } from '../context.ts';
import { page } from '../layout.tsx';
import { Badge } from './badge.tsx';
import { Copy } from './copy.tsx';
import { Crumbs } from './crumbs.tsx';

export type AppTab = 'overview' | 'health' | 'users' | 'keys' | 'webhooks' | 'audit';

const TABS: { tab: AppTab; label: string; path: string }[] = [
  { tab: 'overview', label: 'Overview', path: '' },
  { tab: 'health', label: 'Health', path: '/health' },
  { tab: 'users', label: 'Users', path: '/users' },
  { tab: 'keys', label: 'Keys', path: '/keys' },
  { tab: 'webhooks', label: 'Webhooks', path: '/webhooks' },
  { tab: 'audit', label: 'Audit', path: '/audit' },
];

export const appPath = (app: Pick<App, 'id'>): string => `/dashboard/apps/${app.id}`;

/**
 * Answers with a page of an app, under one of its tabs.
 *
 * @param page what the page shows if it is below the tab, such as a user
 */
export const appPage = (
  c: DashboardContext,
  { tab, status = 200, page: own }: { tab: AppTab; status?: ContentfulStatusCode; page?: string },
  content: Child,
): Response | Promise<Response> => {
  const app = c.get('app');
  const { label, path: tabPath } = TABS.find((one) => one.tab === tab) ?? { label: '', path: '' };
  return page(
    c,
    { title: [own, label, app.name].filter(Boolean).join(' · '), section: 'apps', status },
    <>
      <Crumbs
        above={[
          { label: 'Apps', path: '/dashboard/apps' },
          ...(tab === 'overview' ? [] : [{ label: app.name, path: appPath(app) }]),
          ...(own === undefined ? [] : [{ label, path: `${appPath(app)}${tabPath}` }]),
        ]}
      />
      <div class="title">
        <h1>{app.name}</h1>
        {app.disabledAt !== undefined && <Badge tone="bad">Disabled</Badge>}
        <code>{app.id}</code>
        <Copy text={app.id} what="the app’s id" />
      </div>
      <nav class="tabs" aria-label="App">
        {TABS.map(({ tab: one, label: text, path }) => (
          <a href={`${appPath(app)}${path}`} aria-current={one === tab ? 'page' : undefined}>
            {text}
          </a>
        ))}
      </nav>
      {content}
    </>,
  );
};
