import { Hono } from 'hono';

import { checkHealth, type Health, type HealthCheck, isServing } from '../broker/operator/readiness.ts';
import type { HttpEnv } from './context.ts';
import { Page } from './pages.tsx';
import { acceptsHtml, answerProblem } from './problem.ts';
import { REQUEST_PROBLEMS } from './request-problems.ts';

/** For load balancers, monitors and people: whether the broker can serve, and which checks fail. */
export const health = new Hono<HttpEnv>();

health.get('/healthz', async (c) => {
  const checks = await checkHealth(c.get('deps'));
  if (!isServing(checks)) return answerProblem(c, REQUEST_PROBLEMS.notServing(checks.database === 'ok'));
  return acceptsHtml(c) ? c.html(healthPage(checks)) : c.json({ ok: true, checks });
});

const WORDS: { [Check in HealthCheck]: { name: string; ok: string; failing: string } } = {
  database: { name: 'Database', ok: 'answers', failing: 'does not answer' },
  migrations: { name: 'Migrations', ok: 'are all applied', failing: 'are missing' },
  links: {
    name: 'Link records',
    ok: 'can be read',
    failing: 'cannot be read: links go on without them, sealed in the state',
  },
  keyring: {
    name: 'Keyring',
    ok: 'opens what is stored',
    failing: 'lacks a key that stored tokens need: their connections pause and lose nothing',
  },
  cron: {
    name: 'Cron',
    ok: 'has left nothing undone',
    failing: 'does not come: tokens are refreshed only when they are used',
  },
};

const healthPage = (checks: Health) => {
  const isWell = Object.values(checks).every((state) => state === 'ok');
  const title = isWell ? 'All is well' : 'The broker answers, and something is wrong';
  return (
    <Page title={title}>
      <h1>{title}</h1>
      <ul>
        {(Object.entries(WORDS) as [HealthCheck, (typeof WORDS)[HealthCheck]][]).map(([check, words]) => (
          <li>
            {checks[check] === 'ok' ? '✓' : '✗'} <strong>{words.name}</strong>{' '}
            {checks[check] === 'ok' ? words.ok : words.failing}
          </li>
        ))}
      </ul>
      {!isWell && <p>Its operator finds more on the dashboard.</p>}
    </Page>
  );
};
