import { env } from 'cloudflare:workers';
import { expect } from 'vitest';

import type { D1Fault } from './d1-meter.ts';
import { dumpKv } from './dump.ts';
import { meterKv } from './meters.ts';
import { DUE_MS, type Effect, HOUR_MS, LEASE_MS, type Refreshing, startRefreshing, stillWorks } from './refreshing.ts';

/** A refresh whose pair D1 refuses, from the moment at which Withings was asked, for as long as a test wants. */

export const kv = meterKv(env.LINKS);
const HOOK = 'https://alerts.example.com/hook';

export const byCron = { by: 'tick', wait: DUE_MS, act: ({ broker }: Refreshing): Promise<unknown> => broker.tick() };
export const bySync = { by: 'sync', wait: 4 * HOUR_MS, act: ({ sync }: Refreshing): Promise<unknown> => sync('nora') };

/** A connection whose refresh is due, and how D1 and KV fail once it was sent. */
export const startOutage = async ({ wait }: { wait: number }) => {
  const notices: string[] = [];
  const refreshing = await startRefreshing(['nora'], {
    bindings: { LINKS: kv.kv, ALERT_WEBHOOK_URL: HOOK },
    hook: (body) => notices.push((JSON.parse(body) as { data: { code: string } }).data.code),
  });
  // The record of its link.
  for (const key of Object.keys(await dumpKv())) await env.LINKS.delete(key);
  refreshing.broker.advance(wait);
  kv.reset();
  return { ...refreshing, notices };
};

/** D1 refuses everything for so long after the first refresh was sent, and the cron goes on asking it. */
export const haveOutage = async (
  refreshing: Refreshing,
  act: (refreshing: Refreshing) => Promise<unknown>,
  forMs: number,
) => {
  let isOut = false;
  const d1Fails = ({ kind, body }: Effect): D1Fault => {
    if (kind === 'd1') return isOut ? 'refused' : undefined;
    isOut ||= body.includes('grant_type=refresh_token');
    return undefined;
  };
  refreshing.decide(d1Fails);
  await act(refreshing);
  expect(isOut).toBe(true);
  await refreshing.run(forMs, forMs / 20);
  refreshing.decide(() => undefined);
};

const kinds = async (refreshing: Refreshing) => (await refreshing.detail('nora')).timeline.map(({ kind }) => kind);
export const outcomes = ({ broker }: Refreshing) => broker.logs.map(({ outcome }) => outcome);
export const expectNobodyLogsIn = async (refreshing: Refreshing) => {
  refreshing.broker.advance(LEASE_MS);
  await refreshing.broker.tick();
  expect((await refreshing.rowOf('nora')).token_version).toBeGreaterThanOrEqual(2);
  expect(await stillWorks(refreshing, 'nora')).toBe(true);
  expect(await kinds(refreshing)).not.toContain('reauth_required');
};
