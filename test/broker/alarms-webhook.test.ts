import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { webhookSignature } from '../../src/crypto/webhook-signature.ts';
import { secret } from '../../src/domain/secret.ts';
import { MINUTE_MS } from '../../src/domain/time.ts';
import { type Alarms, HOOK_SECRET, startAlarms } from '../support/alarms.ts';
import { meterD1 } from '../support/d1-meter.ts';

/** The webhook that an operator's alarms go to. */

const d1 = meterD1(env.DB);
let alarms: Alarms;

beforeEach(async () => {
  alarms = await startAlarms(d1);
});

describe('the webhook', () => {
  test('is signed, and says what, why and since when, and nothing of anybody', async () => {
    const { begin, look } = alarms.troubles.sealing_key_missing;
    await alarms.link(1);
    await begin();
    await look();
    const [{ id, signature, timestamp, body } = { id: '', signature: '', timestamp: '', body: '' }] = alarms.sent;
    expect(signature).toBe(await webhookSignature(secret(HOOK_SECRET), { id, seconds: Number(timestamp), body }));
    expect(Number(timestamp)).toBe(Math.floor(alarms.broker.now() / 1000));
    expect(JSON.parse(body)).toEqual({
      type: 'alarm.raised',
      timestamp: new Date(alarms.broker.now()).toISOString(),
      data: { code: 'sealing_key_missing', since: new Date(alarms.broker.now()).toISOString(), reason: 'k0' },
      text: expect.stringContaining('sealing_key_missing (k0): Stored tokens need a key'),
    });
    expect(body).not.toMatch(/user-0|app_|nora/i);
    expect(JSON.stringify(alarms.broker.logs)).not.toContain('s3cr3t');
  });

  test.each([
    ['answers 500', () => new Response('', { status: 500 })],
    ['redirects', () => new Response('', { status: 302, headers: { Location: 'https://elsewhere.example.com' } })],
    [
      'is not reached',
      () => {
        throw new TypeError('fetch failed');
      },
    ],
  ])('that %s loses nothing: it is asked again, ever more rarely, with the same id', async (_, answer) => {
    const { begin, look, end } = alarms.troubles.sealing_key_missing;
    let attempts = 0;
    alarms.answerWith(() => {
      attempts += 1;
      return answer();
    });
    await begin();
    await look();
    await end();
    for (let minute = 0; minute < 20; minute += 1) await alarms.tickAfter(MINUTE_MS);
    expect(attempts).toBeGreaterThan(4);
    expect(attempts).toBeLessThan(12);
    expect(alarms.logged()).toEqual(['sealing_key_missing raised', 'sealing_key_missing over']);
    expect(alarms.sent).toEqual([]);
    alarms.answerWith(() => new Response(null, { status: 200 }));
    for (let ticks = 0; ticks < 7; ticks += 1) await alarms.tickAfter(10 * MINUTE_MS);
    expect(alarms.sentTypes()).toEqual(['sealing_key_missing raised', 'sealing_key_missing over']);
    expect(new Set(alarms.sent.map(({ id }) => id)).size).toBe(2);
    d1.reset();
    await alarms.tickAfter(MINUTE_MS);
    expect([d1.calls(), d1.rowsWritten()]).toEqual([1, 0]);
  });

  test('that is none keeps no queue, and the log has it all', async () => {
    const { begin, look } = alarms.troubles.sealing_key_missing;
    alarms.broker.deploy({ ALERT_WEBHOOK_URL: undefined, ALERT_WEBHOOK_SECRET: undefined });
    await begin();
    await look();
    expect(alarms.sent).toEqual([]);
    expect(alarms.logged()).toEqual(['sealing_key_missing raised']);
    const kept = await env.DB.prepare(`SELECT value FROM broker_state WHERE name = 'alarms'`).first<string>('value');
    expect(JSON.parse(kept ?? '')).toMatchObject({ queue: [] });
  });
});
