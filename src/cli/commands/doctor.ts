import { object } from '@optique/core/constructs';
import { message } from '@optique/core/message';
import { map } from '@optique/core/modifiers';
import { command } from '@optique/core/primitives';
import * as z from 'zod';

import { whoami } from '../../http/api/contract-accounts.ts';
import { operatorStatus } from '../../http/api/contract-operator.ts';
import { call, type Connection } from '../client.ts';
import { EXIT, isCliFailure } from '../exit.ts';
import { common, connection, example, type Run } from '../options.ts';
import { bad, good, show } from '../output.ts';

/** One thing that was looked at; `todo` says how to mend it, and is there only where something is wrong. */
type Check = { check: string; ok: boolean; found: string; todo?: string };

const MOST_SKEW_S = 30;

const examine = async (broker: Connection): Promise<Check[]> => {
  const reached = await attempt('broker', () =>
    call(broker, { path: '/healthz', answer: z.object({ ok: z.boolean() }) }),
  );
  if (!reached.ok) return [{ ...reached.check, todo: 'Check the URL, and that the Worker is deployed.' }];
  const checks: Check[] = [{ check: 'broker', ok: true, found: broker.url }, clock(reached.value.date)];
  checks.push(await callback(broker));
  const me = await attempt('token', () => call(broker, { path: '/whoami', answer: whoami }));
  if (!me.ok) return [...checks, { ...me.check, todo: 'Run `mushu login` with a token that is valid.' }];
  const { role, account } = me.value.value;
  checks.push({ check: 'token', ok: true, found: account?.name ?? role });
  if (role !== 'operator') return checks;
  const status = await attempt('status', () => call(broker, { path: '/operator/status', answer: operatorStatus }));
  if (!status.ok) return [...checks, { ...status.check, todo: 'Look into the log of the Worker.' }];
  return [...checks, ...ofOperator(status.value.value)];
};

const clock = (date: string | null): Check => {
  if (date === null) return { check: 'clock', ok: true, found: 'the broker did not say' };
  const skew = Math.round(Math.abs(Date.parse(date) - Date.now()) / 1000);
  const check = { check: 'clock', ok: skew <= MOST_SKEW_S, found: `${skew} s apart` };
  return check.ok ? check : { ...check, todo: 'Set the clock of this machine.' };
};

const callback = async (broker: Connection): Promise<Check> => {
  const url = new URL('/withings/callback', broker.url);
  const ok = await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(10_000) }).then(
    (answer) => answer.ok,
    () => false,
  );
  const check = { check: 'callback', ok, found: url.href };
  return ok ? check : { ...check, todo: 'Withings probes it with HEAD and wants 200. Route it to the Worker.' };
};

const ofOperator = ({ cron, withings, keyring, migrations }: z.infer<typeof operatorStatus>): Check[] => {
  const missing = keyring.missing_key_ids.join(' ');
  return [
    judge(
      'cron',
      cron.state !== 'late',
      `${cron.state}, ${cron.refreshes_due} due`,
      'Refreshes wait longer than ten minutes: see that the cron trigger is deployed, and the log of its ticks.',
    ),
    judge(
      'withings',
      withings !== 'rejected',
      withings,
      'Withings refuses the client id and secret: set WITHINGS_CLIENT_ID and WITHINGS_CLIENT_SECRET again.',
    ),
    judge(
      'keyring',
      missing === '',
      missing === '' ? keyring.current_key_id : `lacks ${missing}`,
      'Put the missing keys back into KEYRING. Their connections wait; nothing is lost.',
    ),
    judge(
      'migrations',
      migrations.applied === migrations.wanted,
      `${migrations.applied ?? 'none'}, wanted ${migrations.wanted}`,
      'Run `npm run deploy`: it applies them before the code.',
    ),
  ];
};

const judge = (check: string, ok: boolean, found: string, todo: string): Check => ({
  check,
  ok,
  found,
  ...(!ok && { todo }),
});

const attempt = async <Value>(
  check: string,
  look: () => Promise<Value>,
): Promise<{ ok: true; value: Value } | { ok: false; check: Check }> => {
  try {
    return { ok: true, value: await look() };
  } catch (error) {
    if (!isCliFailure(error)) throw error;
    return { ok: false, check: { check, ok: false, found: error.message.replaceAll('\n', '; ') } };
  }
};

/** Looks at everything that could be wrong between here and Withings, and says what to do. */
export const doctorCommand = command(
  'doctor',
  map(object(common), ({ json, ...target }): Run => async () => {
    const checks = await examine(connection(target));
    show(json, checks, () =>
      checks
        .map(({ check, ok, found, todo }) =>
          [
            `${ok ? good('ok ') : bad('bad')} ${check.padEnd(10)} ${found}`,
            ...(todo === undefined ? [] : [`    → ${todo}`]),
          ].join('\n'),
        )
        .join('\n'),
    );
    if (checks.some(({ ok }) => !ok)) process.exitCode = EXIT.refused;
  }),
  {
    brief: message`Check URL, clock, token, callback, cron, credentials, keyring and migrations.`,
    ...example('mushu doctor'),
  },
);
