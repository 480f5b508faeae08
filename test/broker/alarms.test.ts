import { beforeEach, describe, expect, test } from 'vitest';

import { type Alarms, STORED_ALARMS, startAlarms } from '../support/alarms.ts';
import { connect } from '../support/broker.ts';

/** The notices of an alarm: one when it begins and one when it is over, in the log and at a webhook. */

let alarms: Alarms;

beforeEach(async () => {
  alarms = await startAlarms();
});

describe.each(STORED_ALARMS)('%s', (code) => {
  test('is told once, is told over, and is told again when it comes back', async () => {
    const { begin, look, end } = alarms.troubles[code];
    await look();
    expect(alarms.sent).toEqual([]);
    await begin();
    await look();
    await look();
    expect(alarms.sentTypes()).toEqual([`${code} raised`]);
    await end();
    await look();
    await look();
    expect(alarms.sentTypes()).toEqual([`${code} raised`, `${code} over`]);
    await begin();
    await look();
    await look();
    const whole = [`${code} raised`, `${code} over`, `${code} raised`];
    expect(alarms.sentTypes()).toEqual(whole);
    expect(alarms.logged()).toEqual(whole);
  });
});

test('a client that Withings refuses is told by the first link too, when nobody is connected yet', async () => {
  await alarms.troubles.withings_client_rejected.begin();
  const ended = await connect(alarms.broker, alarms.app, 'ada', 'nora');
  expect(ended.headers.get('Location')).toContain('error=server_error');
  await alarms.broker.settle();
  expect(alarms.sentTypes()).toEqual(['withings_client_rejected raised']);
  await connect(alarms.broker, alarms.app, 'ada', 'nora');
  await alarms.broker.settle();
  expect(alarms.sent).toHaveLength(1);
});
