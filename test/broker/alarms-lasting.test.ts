import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { DAY_MS, MINUTE_MS } from '../../src/domain/time.ts';
import { type Alarms, startAlarms } from '../support/alarms.ts';
import { meterD1 } from '../support/d1-meter.ts';

/** An alarm that is on for long, and what idle ticks cost. */

const d1 = meterD1(env.DB);
let alarms: Alarms;

beforeEach(async () => {
  alarms = await startAlarms(d1);
});

describe('a cron that has nothing to do', () => {
  test('notes once an hour that it came, and writes nothing else', async () => {
    await alarms.broker.tick();
    d1.reset();
    for (let minute = 1; minute < 60; minute += 1) await alarms.tickAfter(MINUTE_MS);
    // Once an hour it looks for erasures, orphans, old audit entries and events, the alarm of endpoints, and dates too far ahead.
    expect([d1.calls(), d1.rowsWritten()]).toEqual([59 + 6, 0]);
    d1.reset();
    await alarms.tickAfter(MINUTE_MS);
    expect([d1.calls(), d1.rowsWritten()]).toEqual([2, 1]);
  });

  test('is told of when it stops, and not before it ever came', async () => {
    alarms.broker.advance(DAY_MS);
    expect(await alarms.askHealth()).toMatchObject({ checks: { cron: 'ok' } });
    await alarms.broker.tick();
    alarms.broker.advance(65 * MINUTE_MS);
    expect(await alarms.askHealth()).toMatchObject({ checks: { cron: 'ok' } });
    alarms.broker.advance(6 * MINUTE_MS);
    expect(await alarms.askHealth()).toMatchObject({ checks: { cron: 'failing' } });
    const status = await (await alarms.broker.manage('GET', '/operator/status')).json<{ cron: unknown }>();
    expect(status.cron).toMatchObject({ state: 'late', refreshes_due: 0 });
    expect(alarms.sentTypes()).toEqual(['cron_late raised']);
    await alarms.broker.tick();
    expect(await alarms.askHealth()).toMatchObject({ checks: { cron: 'ok' } });
    expect(alarms.sentTypes()).toEqual(['cron_late raised', 'cron_late over']);
  });
});

describe('an alarm that lasts', () => {
  test('costs an idle tick nothing, and is told again after a day', async () => {
    const { begin, look } = alarms.troubles.sealing_key_missing;
    await begin();
    await look();
    await alarms.tickAfter(DAY_MS - 2 * MINUTE_MS);
    d1.reset();
    await alarms.tickAfter(MINUTE_MS);
    expect([d1.calls(), d1.rowsWritten()]).toEqual([1, 0]);
    expect(alarms.sentTypes()).toEqual(['sealing_key_missing raised']);
    await alarms.tickAfter(MINUTE_MS);
    await alarms.tickAfter(MINUTE_MS);
    expect(alarms.sentTypes()).toEqual(['sealing_key_missing raised', 'sealing_key_missing still_on']);
  });

  test('stands on the operator’s status and page, since when and why', async () => {
    const { begin, look } = alarms.troubles.sealing_key_missing;
    await begin();
    await look();
    const status = await (await alarms.broker.manage('GET', '/operator/status')).json<{ alarms: unknown }>();
    const since = new Date(alarms.broker.now()).toISOString();
    expect(status.alarms).toEqual([{ code: 'sealing_key_missing', since, reason: 'k0' }]);
  });

  test('is told by one of two ticks that meet it at once', async () => {
    const { begin } = alarms.troubles.sealing_key_missing;
    await begin();
    await Promise.all([alarms.broker.tick(), alarms.broker.tick()]);
    expect(alarms.sentTypes()).toEqual(['sealing_key_missing raised']);
    expect(alarms.logged()).toEqual(['sealing_key_missing raised']);
  });

  test('is a line of the log where its note cannot be kept, and is told by the next tick', async () => {
    const { begin, look } = alarms.troubles.sealing_key_missing;
    await begin();
    d1.failWhen(({ statements }) =>
      statements.some((text) => text.includes('INSERT INTO broker_state')) ? 'refused' : undefined,
    );
    await look();
    expect(alarms.logged()).toEqual(['sealing_key_missing raised']);
    expect(alarms.sent).toEqual([]);
    d1.failWhen(undefined);
    await look();
    expect(alarms.sentTypes()).toEqual(['sealing_key_missing raised']);
  });
});
