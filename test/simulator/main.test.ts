import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';

import type { TokenBody } from '../../src/withings/wire.ts';
import { app, authorizeUrl, form, locationOf, redirectUri, type Answered } from './driver.ts';

const main = new URL('../../src/simulator/main.ts', import.meta.url).pathname;
const processes: ChildProcess[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const child of processes.splice(0)) await stop(child);
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

const stop = async (child: ChildProcess): Promise<number | null> => {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  child.kill('SIGTERM');
  await once(child, 'exit');
  return child.exitCode;
};

/** Starts the simulator as a user does, and waits until it says that it is ready. */
const start = async (...args: string[]): Promise<{ url: string; child: ChildProcess }> => {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  processes.push(child);
  let said = '';
  for await (const chunk of child.stdout) {
    said += String(chunk);
    const url = /ready at (http:\S+)/.exec(said)?.[1];
    if (url !== undefined) return { url, child };
  }
  throw new Error(`the simulator ended, saying: ${said}`);
};

const clientArgs = [
  ['--client-id', app.clientId],
  ['--client-secret', app.clientSecret],
  ['--redirect-uri', redirectUri],
].flat();

const post = async <Body>(url: string, fields: Record<string, string>): Promise<Answered<Body>> =>
  (await fetch(url, form(fields))).json();

const credentials = { action: 'requesttoken', client_id: app.clientId, client_secret: app.clientSecret };

const connect = async (url: string): Promise<TokenBody> => {
  const authorize = new URL(authorizeUrl());
  const consent = await fetch(`${url}${authorize.pathname}${authorize.search}`, {
    ...form({ person: 'nora', decision: 'allow' }),
    redirect: 'manual',
  });
  const { body } = await post<TokenBody>(`${url}/v2/oauth2`, {
    ...credentials,
    grant_type: 'authorization_code',
    code: locationOf(consent).searchParams.get('code') ?? '',
    redirect_uri: redirectUri,
  });
  return body;
};

const refreshed = (url: string, token: string) =>
  post<TokenBody>(`${url}/v2/oauth2`, { ...credentials, grant_type: 'refresh_token', refresh_token: token });

const control = (url: string, path: string, body: object) =>
  fetch(`${url}/_control${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });

/** A callback on this machine that keeps what it gets. */
const startCallback = async () => {
  const reached: { method: string; body: string }[] = [];
  let status = 200;
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      reached.push({ method: request.method ?? '', body });
      response.writeHead(status).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  const answerWith = (next: number) => {
    status = next;
  };
  return { reached, answerWith, callback: `http://127.0.0.1:${port}/notify` };
};

const subscribed = async (url: string, token: string, callbackurl: string): Promise<Answered<object>> => {
  const response = await fetch(`${url}/notify`, {
    ...form({ action: 'subscribe', callbackurl, appli: '1' }),
    headers: { authorization: `Bearer ${token}` },
  });
  return response.json();
};

describe('the simulator as a process', () => {
  test('breaks the connection of a lost answer, after its effect', async () => {
    const { url } = await start(...clientArgs);
    const { refresh_token: token } = await connect(url);
    await control(url, '/faults', { kind: 'lost_answer', action: 'requesttoken' });
    await expect(refreshed(url, token)).rejects.toThrow(TypeError);
    await control(url, '/clock', { advance_seconds: 10 });
    expect((await refreshed(url, token)).status).toBe(0);
    const grants = await (await fetch(`${url}/_control/grants`)).json<{ data: object[] }>();
    expect(grants.data).toMatchObject([{ refreshes: 2 }]);
  });

  test('says in words that its port is taken', async () => {
    const { url } = await start();
    const child = spawn(process.execPath, [main, '--port', new URL(url).port], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    processes.push(child);
    let said = '';
    child.stderr.on('data', (chunk: unknown) => (said += String(chunk)));
    await once(child, 'close');
    expect(said).toContain('cannot listen on port');
    expect(child.exitCode).toBe(1);
  });

  test('pushes what is weighed on its page at once, over HTTP, and again after a failure', async () => {
    const { url } = await start(...clientArgs, '--any-callback');
    const { access_token: token } = await connect(url);
    const { reached, callback, answerWith } = await startCallback();
    expect(await subscribed(url, token, callback)).toMatchObject({ status: 0 });
    expect(reached.map(({ method }) => method)).toEqual(['HEAD', 'POST']);
    answerWith(503);
    await fetch(`${url}/weigh-ins/nora`, { ...form({ weight_kg: '66.6' }), redirect: 'manual' });
    await vi.waitUntil(() => reached.length === 4, { timeout: 30_000 });
    answerWith(200);
    await control(url, '/clock', { advance_seconds: 10 });
    await vi.waitUntil(() => reached.length === 5, { timeout: 30_000 });
    expect(new Set(reached.slice(2).map(({ body }) => body)).size).toBe(1);
    expect(reached[4]?.body).toMatch(/^userid=38204117&startdate=\d+&enddate=\d+&appli=1$/);
  });

  test('reaches callbacks at another origin, if told', async () => {
    const { reached, callback } = await startCallback();
    const { origin, pathname } = new URL(callback);
    const { url } = await start(...clientArgs, '--any-callback', '--callbacks-at', origin);
    const { access_token: token } = await connect(url);
    expect(await subscribed(url, token, `http://emulator.invalid:8787${pathname}`)).toMatchObject({ status: 0 });
    expect(reached.map(({ method }) => method)).toEqual(['HEAD', 'POST']);
  });

  test('takes no callback on this machine unless told', async () => {
    const { url } = await start(...clientArgs);
    const { access_token: token } = await connect(url);
    const { reached, callback } = await startCallback();
    expect(await subscribed(url, token, callback)).toMatchObject({ status: 293 });
    expect(reached).toEqual([]);
  });

  test('shows what it is, and stops when told', async () => {
    const { url, child } = await start('--port', '0');
    expect(await (await fetch(url)).text()).toContain('A simulated Withings');
    expect(await stop(child)).toBe(0);
  });

  test('forgets everything, or with --state nothing that a client was told', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'simulator-'));
    folders.push(folder);
    const state = join(folder, 'state.json');
    const first = await start(...clientArgs, '--state', state);
    const { refresh_token: token } = await connect(first.url);
    await control(first.url, '/people/nora/weigh-ins', { weight_kg: 66.6 });
    await control(first.url, '/people', { id: 'ada', height_m: 1.7 });
    const groupsOf = async (url: string, person: string) =>
      (await fetch(`${url}/_control/people/${person}/groups`)).text();
    const [nora, walter] = [await groupsOf(first.url, 'nora'), await groupsOf(first.url, 'walter')];
    await stop(first.child);

    const forgetful = await start(...clientArgs);
    expect((await refreshed(forgetful.url, token)).status).toBe(503);

    const second = await start(...clientArgs, '--state', state);
    const { status, body } = await refreshed(second.url, token);
    expect(status).toBe(0);
    expect(await groupsOf(second.url, 'nora')).toBe(nora);
    expect(await groupsOf(second.url, 'walter')).toBe(walter);
    expect(await groupsOf(second.url, 'ada')).toContain('"value":1700');
    // Ended without a chance to save: the rotation was kept before it was answered.
    second.child.kill('SIGKILL');
    await once(second.child, 'exit');
    const third = await start(...clientArgs, '--state', state);
    expect((await refreshed(third.url, body.refresh_token)).status).toBe(0);
    expect((await readFile(state)).length).toBeLessThan(100_000);
  });
});
