import { afterEach, describe, expect, test, vi } from 'vitest';

import { isConnectionLost } from '../../src/simulator/faults.ts';
import {
  advanceSeconds,
  app,
  codeFor,
  connect,
  exchange,
  form,
  getmeas,
  refresh,
  standingSimulator,
} from './driver.ts';

const measureUrl = 'https://wbsapi.withings.net/measure';

const rawGetmeas = (simulator: ReturnType<typeof standingSimulator>, token: string, signal?: AbortSignal) =>
  simulator.fetch(measureUrl, {
    ...form({ action: 'getmeas' }),
    headers: { authorization: `Bearer ${token}` },
    ...(signal === undefined ? {} : { signal }),
  });

afterEach(() => {
  vi.useRealTimers();
});

describe('a lost answer', () => {
  test('rejects like a broken connection, after the refresh took effect; the old token saves the day', async () => {
    const simulator = standingSimulator();
    const { refresh_token: token } = await connect(simulator);
    simulator.state.faults.add({ kind: 'lost_answer', action: 'requesttoken', grantType: 'refresh_token' });
    const lost = await refresh(simulator, token).catch((error: unknown) => error);
    expect(lost).toBeInstanceOf(TypeError);
    expect(isConnectionLost(lost)).toBe(true);
    expect(simulator.state.grants.all()[0]?.pairs).toHaveLength(2);
    expect((await refresh(simulator, token)).status).toBe(601);
    advanceSeconds(simulator, 10);
    expect((await refresh(simulator, token)).status).toBe(0);
  });

  test('loses a code for good', async () => {
    const simulator = standingSimulator();
    const code = await codeFor(simulator);
    simulator.state.faults.add({ kind: 'lost_answer' });
    await expect(exchange(simulator, code)).rejects.toThrow(TypeError);
    advanceSeconds(simulator, 11);
    expect((await exchange(simulator, code)).error).toBe('Invalid Params: invalid code');
  });

  test('can be a lost request, which took no effect', async () => {
    const simulator = standingSimulator();
    const { refresh_token: token } = await connect(simulator);
    simulator.state.faults.add({ kind: 'lost_answer', takesEffect: false });
    await expect(refresh(simulator, token)).rejects.toThrow(TypeError);
    expect(simulator.state.grants.all()[0]?.pairs).toHaveLength(1);
  });
});

describe('a late answer', () => {
  test('arrives after its delay, the effect at once', async () => {
    const simulator = standingSimulator();
    const { refresh_token: token } = await connect(simulator);
    simulator.state.faults.add({ kind: 'late_answer', delayMs: 60_000 });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const answered = vi.fn<(answer: unknown) => void>();
    const pending = refresh(simulator, token).then(answered);
    // Hashing takes the turns it takes; the wait begins once the call was recorded.
    while (simulator.state.grants.all()[0]?.pairs.length !== 2) await new Promise(setImmediate);
    await vi.advanceTimersByTimeAsync(59_999);
    expect(answered).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    await pending;
    expect(answered).toHaveBeenCalledWith(expect.objectContaining({ status: 0 }));
  });

  test('can be given up on, with the reason of the signal', async () => {
    const simulator = standingSimulator();
    const { access_token: token } = await connect(simulator);
    simulator.state.faults.add({ kind: 'late_answer', delayMs: 60_000 });
    const controller = new AbortController();
    const pending = rawGetmeas(simulator, token, controller.signal);
    controller.abort(new Error('too slow for me'));
    await expect(pending).rejects.toThrow('too slow for me');
  });
});

test('a call whose signal is aborted beforehand is not received', async () => {
  const simulator = standingSimulator();
  const { access_token: token } = await connect(simulator);
  const before = simulator.state.calls.count();
  await expect(rawGetmeas(simulator, token, AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
  expect(simulator.state.calls.count()).toBe(before);
});

describe('answers that are none', () => {
  test.each([
    { kind: 'http_500' as const, httpStatus: 500 },
    { kind: 'http_503' as const, httpStatus: 503 },
    { kind: 'html' as const, httpStatus: 200 },
  ])('$kind is a web page, without effect unless asked for', async ({ kind, httpStatus }) => {
    const simulator = standingSimulator();
    const code = await codeFor(simulator);
    simulator.state.faults.add({ kind });
    const fields = {
      action: 'requesttoken',
      grant_type: 'authorization_code',
      client_id: app.clientId,
      client_secret: app.clientSecret,
      code,
      redirect_uri: app.redirectUris[0] ?? '',
    };
    const response = await simulator.fetch('https://wbsapi.withings.net/v2/oauth2', form(fields));
    expect(response.status).toBe(httpStatus);
    expect(response.headers.get('content-type')).toContain('text/html');
    expect(await response.text()).toMatch(/^<!doctype html>/);
    expect(simulator.state.grants.all()).toHaveLength(0);

    advanceSeconds(simulator, 11);
    simulator.state.faults.add({ kind, takesEffect: true });
    await simulator.fetch('https://wbsapi.withings.net/v2/oauth2', form(fields));
    expect(simulator.state.grants.all()).toHaveLength(1);
  });

  test('a cut body is the first half of the JSON, an empty one nothing, both after the effect', async () => {
    const simulator = standingSimulator();
    const { access_token: token, refresh_token: refreshToken } = await connect(simulator);
    simulator.state.faults.add({ kind: 'cut_body', action: 'getmeas' });
    const cut = await (await rawGetmeas(simulator, token)).text();
    expect(cut.startsWith('{"status":0,"body":{')).toBe(true);
    expect(() => JSON.parse(cut)).toThrow(SyntaxError);
    simulator.state.faults.add({ kind: 'empty_body', action: 'requesttoken' });
    await expect(refresh(simulator, refreshToken)).rejects.toThrow(SyntaxError);
    expect(simulator.state.grants.all()[0]?.pairs).toHaveLength(2);
  });

  test('any Withings status, with its text and wait_seconds', async () => {
    const simulator = standingSimulator();
    const { access_token: token, refresh_token: refreshToken } = await connect(simulator);
    simulator.state.faults.add({ kind: 'status', status: 601, error: 'Slow down', waitSeconds: 188 });
    expect(await getmeas(simulator, token)).toEqual({
      status: 601,
      body: { wait_seconds: 188 },
      error: 'Slow down',
    });
    simulator.state.faults.add({ kind: 'status', status: 522, error: 'Timeout' });
    expect(await refresh(simulator, refreshToken)).toEqual({ status: 522, body: {}, error: 'Timeout' });
    expect(simulator.state.grants.all()[0]?.pairs).toHaveLength(1);
  });

  test('a rejection leaves the token alive', async () => {
    const simulator = standingSimulator();
    const { refresh_token: token } = await connect(simulator);
    simulator.state.faults.add({ kind: 'reject' });
    expect((await refresh(simulator, token)).error).toBe('Invalid Params: invalid refresh_token');
    advanceSeconds(simulator, 11);
    expect((await refresh(simulator, token)).status).toBe(0);
    simulator.state.faults.add({ kind: 'reject' });
    expect((await exchange(simulator, await codeFor(simulator))).error).toBe('Invalid Params: invalid code');
  });

  test('rotated elsewhere: the sent token is rejected for good, the pair in hand is dead or dying', async () => {
    const simulator = standingSimulator();
    const { refresh_token: token } = await connect(simulator);
    simulator.state.faults.add({ kind: 'rotated_elsewhere' });
    expect((await refresh(simulator, token)).error).toBe('Invalid Params: invalid refresh_token');
    advanceSeconds(simulator, 11);
    expect((await refresh(simulator, token)).status).toBe(503);
    const [grant] = simulator.state.grants.all();
    expect(grant?.pairs).toHaveLength(2);
    const theirs = grant?.pairs[1];
    expect(theirs !== undefined && simulator.state.grants.refreshLive(theirs)).toBe(true);
  });
});

describe('which calls take a fault', () => {
  test('those of its action, grant type and person, as often as it says; then it is gone', async () => {
    const simulator = standingSimulator();
    const nora = await connect(simulator, 'nora');
    const ines = await connect(simulator, 'ines');
    simulator.state.faults.add({ kind: 'status', status: 522, action: 'getmeas', person: 'ines', times: 2 });
    simulator.state.faults.add({
      kind: 'status',
      status: 524,
      action: 'requesttoken',
      grantType: 'refresh_token',
    });
    const ask = async (token: string, lastupdate: string) => (await getmeas(simulator, token, { lastupdate })).status;
    expect(await ask(nora.access_token, '1')).toBe(0);
    expect((await exchange(simulator, await codeFor(simulator))).status).toBe(0);
    expect(await ask(ines.access_token, '1')).toBe(522);
    expect((await refresh(simulator, nora.refresh_token)).status).toBe(524);
    expect(await ask(ines.access_token, '2')).toBe(522);
    expect(await ask(ines.access_token, '3')).toBe(0);
    expect(simulator.state.faults.list()).toEqual([]);
  });

  test('the first that matches, one for a call; clearing forgets the rest', async () => {
    const simulator = standingSimulator();
    const { access_token: token } = await connect(simulator);
    simulator.state.faults.add({ kind: 'status', status: 1 });
    simulator.state.faults.add({ kind: 'status', status: 2 });
    expect((await getmeas(simulator, token)).status).toBe(1);
    expect(simulator.state.faults.list().map(({ status }) => status)).toEqual([2]);
    simulator.state.faults.clear();
    advanceSeconds(simulator, 10);
    expect((await getmeas(simulator, token)).status).toBe(0);
  });

  test('rotated elsewhere waits for a refresh, reject for a token request', async () => {
    const simulator = standingSimulator();
    const { access_token: token } = await connect(simulator);
    simulator.state.faults.add({ kind: 'rotated_elsewhere' });
    simulator.state.faults.add({ kind: 'reject' });
    expect((await getmeas(simulator, token)).status).toBe(0);
    expect((await exchange(simulator, await codeFor(simulator))).status).toBe(503);
    expect(simulator.state.faults.list().map(({ kind }) => kind)).toEqual(['rotated_elsewhere']);
  });
});
