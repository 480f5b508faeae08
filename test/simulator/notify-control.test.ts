import { describe, expect, test } from 'vitest';

import { advanceSeconds, control } from './driver.ts';
import { push, start } from './notified.ts';

const DAY = 24 * 60 * 60;

describe('the control API', () => {
  test('loses, doubles, delays and reorders pushes', async () => {
    const { simulator, weigh, pushes } = await start();
    const set = (settings: object) => control(simulator, 'PATCH', '/settings', settings);
    await set({ pushes_lost: true });
    weigh(70, 1_773_000_000);
    await set({ pushes_lost: false, push_copies: 2, push_delay_seconds: 90, push_order: 'reversed' });
    weigh(71, 1_773_000_060);
    weigh(72, 1_773_000_120);
    advanceSeconds(simulator, 89);
    expect(await simulator.deliverPushes()).toBe(0);
    advanceSeconds(simulator, 1);
    expect(await simulator.deliverPushes()).toBe(4);
    expect(pushes()).toEqual([push(1_773_000_120), push(1_773_000_120), push(1_773_000_060), push(1_773_000_060)]);
  });

  test('forges a push, with the status that came back', async () => {
    const { simulator, status, reached } = await start();
    status.now = 404;
    const forged = {
      callback_url: 'https://broker.example/withings/notify/guess',
      fields: { userid: '1', appli: '1' },
    };
    expect(await control(simulator, 'POST', '/pushes', forged)).toEqual({
      httpStatus: 201,
      json: { http_status: 404 },
    });
    expect(reached).toEqual([{ method: 'POST', url: forged.callback_url, fields: forged.fields }]);
    expect((await control(simulator, 'POST', '/pushes', { callback_url: 'guess' })).httpStatus).toBe(400);
  });

  test('shows subscriptions without the secret of their callback, and loses those of a person or a kind', async () => {
    const { simulator, weigh, reached } = await start();
    const shown = await control(simulator, 'GET', '/subscriptions?person=nora&appli=1');
    expect(shown.json).toMatchObject({ data: [{ person: 'nora', appli: 1, callback_host: 'broker.example' }] });
    expect(JSON.stringify(shown.json)).not.toContain('5ec2e7');
    expect((await control(simulator, 'DELETE', '/subscriptions?person=kenji')).json).toEqual({ lost: 0 });
    expect((await control(simulator, 'DELETE', '/subscriptions?person=nora&appli=1')).json).toEqual({ lost: 1 });
    weigh();
    await simulator.deliverPushes();
    expect(reached).toEqual([]);
    expect((await control(simulator, 'DELETE', '/subscriptions')).json).toEqual({ lost: 2 });
  });

  test('shows what waits and what was sent, and drops what waits', async () => {
    const { simulator, status, weigh } = await start();
    status.now = 500;
    weigh(70, 1_773_000_000);
    await simulator.deliverPushes();
    const shown = await control(simulator, 'GET', '/pushes');
    expect(shown.json).toMatchObject({
      pending: [{ fields: push(1_773_000_000), failed_rounds: 1 }],
      sent: [{ http_status: 500 }, { http_status: 500 }],
    });
    expect((await control(simulator, 'DELETE', '/pushes')).httpStatus).toBe(204);
    advanceSeconds(simulator, DAY);
    expect(await simulator.deliverPushes()).toBe(0);
  });
});

describe('the page of the simulator', () => {
  const step = (fields: Record<string, string>, person = 'nora', headers: Record<string, string> = {}) => ({
    path: `http://simulator.localhost/weigh-ins/${person}`,
    init: { method: 'POST', body: new URLSearchParams(fields), headers },
  });

  test.each([
    { name: 'an unknown person', ...step({ weight_kg: '70' }, 'nobody'), status: 400 },
    { name: 'no weight', ...step({}), status: 400 },
    { name: 'a weight that is none', ...step({ weight_kg: 'heavy' }), status: 400 },
    {
      name: 'a page of another origin',
      ...step({ weight_kg: '70' }, 'nora', { origin: 'https://evil.example' }),
      status: 403,
    },
  ])('weighs nobody in for $name', async ({ path, init, status }) => {
    const { simulator, reached } = await start();
    expect((await simulator.fetch(path, init)).status).toBe(status);
    await simulator.deliverPushes();
    expect(reached).toEqual([]);
  });

  test('weighs a person in, which is pushed, and shows the new weight', async () => {
    const { simulator, pushes } = await start();
    const { path, init } = step({ weight_kg: '61.7' }, 'nora', { origin: 'http://simulator.localhost' });
    const weighed = await simulator.fetch(path, init);
    expect([weighed.status, weighed.headers.get('location')]).toEqual([303, '/']);
    await simulator.deliverPushes();
    expect(new Set(pushes().map(({ appli }) => appli))).toEqual(new Set(['1']));
    const shown = await (await simulator.fetch('http://simulator.localhost/')).text();
    expect(shown).toContain('action="/weigh-ins/nora"');
    expect(shown).toContain('value="61.7"');
  });
});
