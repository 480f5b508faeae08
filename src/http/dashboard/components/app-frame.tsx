import type { Child } from 'hono/jsx';
import type { ContentfulStatusCode } from 'hono/utils/http-status';

import type { App } from '../../../domain/app.ts';
import type { DashboardContext } from '../context.ts';
import { page } from '../layout.tsx';
import { Badge } from './badge.tsx';

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

export const appPage = (
  c: DashboardContext,
  { tab, status = 200 }: { tab: AppTab; status?: ContentfulStatusCode },
  content: Child,
): Response | Promise<Response> => {
  const app = c.get('app');
  const label = TABS.find((one) => one.tab === tab)?.label ?? '';
  return page(
    c,
    { title: `${label} · ${app.name}`, section: 'apps', status },
    <>
      <p class="crumb">
        <a href="/dashboard/apps">Apps</a>
      </p>
      <div class="title">
        <h1>{app.name}</h1>
        {app.disabledAt !== undefined && <Badge tone="bad">Disabled</Badge>}
        <code>{app.id}</code>
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
