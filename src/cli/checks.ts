import type * as z from 'zod';

import { whoami } from '../client/accounts.ts';
import { getHealth, getOperatorStatus } from '../client/management.ts';
import type { Broker } from '../client/send.ts';
import * as accounts from '../http/api/accounts/contract.ts';
import * as operator from '../http/api/operator/contract.ts';
import { call } from './call.ts';
import type { Check } from './check.ts';
import { EXIT, isCliFailure } from './exit.ts';
import { checkFromOutside, obstacleBefore } from './outside-checks.ts';

const MAX_SKEW_S = 30;
const NOBODY_THERE = 'Check the URL, and that the Worker is deployed.';
const SERVES_NOT = 'Run `npm run deploy`, which applies missing migrations; otherwise the log of the Worker says why.';

/**
 * Checks everything between this machine and Withings. Stops if the later checks would depend on a failed one.
 *
 * @param now of this machine, ms since the epoch
 */
export const runChecks = async (broker: Broker, now: () => number): Promise<Check[]> => {
  const reached = await tryCall('broker', () => call(operator.health, getHealth, broker));
  if (!reached.ok) {
    const obstacle = reached.later ? undefined : await obstacleBefore(broker);
    return [{ ...reached.check, todo: reached.later ? SERVES_NOT : NOBODY_THERE, ...obstacle }];
  }
  const date = reached.value.headers.get('Date');
  // The next requests may take a minute.
  const answeredAt = now();
  const checks = [
    { check: 'broker', ok: true, found: broker.url },
    links(reached.value.value.checks.links),
    ...(await checkFromOutside(broker)),
  ];
  if (date !== null) checks.push(clock(date, answeredAt));
  const me = await tryCall('token', () => call(accounts.whoami, whoami, broker));
  if (!me.ok) return [...checks, { ...me.check, todo: 'Run `mushu login` with a token that is valid.' }];
  const { role, account } = me.value.value;
  checks.push({ check: 'token', ok: true, found: account?.name ?? role });
  if (role !== 'operator') return checks;
  const status = await tryCall('status', () => call(operator.operatorStatus, getOperatorStatus, broker));
  if (!status.ok) return [...checks, { ...status.check, todo: SERVES_NOT }];
  const { value } = status.value;
  return [...checks, ...(date === null ? [clock(value.now, now())] : []), ...ofOperator(value)];
};

const links = (state: 'ok' | 'failing' | 'unknown'): Check =>
  assess(
    'links',
    state !== 'failing',
    state,
    'KV cannot be read: check the LINKS binding and the status of Cloudflare.',
  );

/** Compares with the broker's `Date` header, which Cloudflare sets, or with the operator's status if there is none. */
const clock = (date: string, now: number): Check => {
  const skew = Math.round(Math.abs(Date.parse(date) - now) / 1000);
  return assess('clock', skew <= MAX_SKEW_S, `${skew} s apart`, 'Correct the clock of this machine.');
};

/** Alarms that have a check of their own. */
const SAID_ABOVE = ['cron_late', 'sealing_key_missing', 'withings_client_rejected'];

const ofOperator = ({
  cron,
  withings,
  keyring,
  migrations,
  alarms,
}: z.infer<typeof operator.operatorStatus>): Check[] => {
  const missing = keyring.missing_key_ids.join(' ');
  return [
    assess(
      'cron',
      cron.state !== 'late',
      `${cron.state}, ${cron.refreshes_due} due, ${cron.last_tick_noted_at === null ? 'no tick yet' : `last tick noted ${cron.last_tick_noted_at} (noted at most every 60 minutes)`}`,
      'Refreshes wait longer than ten minutes, or no tick came for an hour: check that the cron trigger is deployed, and read the log of its ticks.',
    ),
    assess(
      'withings',
      withings !== 'rejected',
      withings,
      'Withings refuses the client id and secret: set WITHINGS_CLIENT_ID and WITHINGS_CLIENT_SECRET again.',
    ),
    assess(
      'keyring',
      missing === '',
      missing === '' ? keyring.current_key_id : `lacks ${missing}`,
      'Put the missing keys back into KEYRING. Their connections pause; nothing is lost.',
    ),
    assess(
      'migrations',
      migrations.applied === migrations.wanted,
      `${migrations.applied ?? 'none'}, needs ${migrations.wanted}`,
      'Run `npm run deploy`: it applies them before the new code runs.',
    ),
    ...alarms
      .filter(({ code }) => !SAID_ABOVE.includes(code))
      .map(({ code, since, reason }) =>
        assess('alarm', false, `${code} since ${since}, ${reason}`, 'docs/operating.md says what to do about it.'),
      ),
  ];
};

const assess = (check: string, ok: boolean, found: string, todo: string): Check => ({
  check,
  ok,
  found,
  ...(!ok && { todo }),
});

const tryCall = async <Value>(
  check: string,
  look: () => Promise<Value>,
): Promise<{ ok: true; value: Value } | { ok: false; check: Check; later: boolean }> => {
  try {
    return { ok: true, value: await look() };
  } catch (error) {
    if (!isCliFailure(error)) throw error;
    const found = error.message.replaceAll('\n', '; ');
    return { ok: false, check: { check, ok: false, found }, later: error.exitCode === EXIT.tryLater };
  }
};
