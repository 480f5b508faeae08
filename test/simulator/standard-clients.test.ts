import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { getRequestListener } from '@hono/node-server';
import { ArcticFetchError, OAuth2RequestError, Withings } from 'arctic';
import grant from 'grant';
import { afterEach, describe, expect, test } from 'vitest';

import type { GetmeasBody } from '../../src/withings/wire.ts';
import { app, form, locationOf, redirectUri, standingSimulator } from './driver.ts';

const globalFetch = globalThis.fetch;
const servers: Server[] = [];

afterEach(async () => {
  globalThis.fetch = globalFetch;
  await Promise.all(
    servers.splice(0).map((server) => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    }),
  );
});

const listen = async (listener: (request: IncomingMessage, response: ServerResponse) => unknown): Promise<string> => {
  const server = createServer((request, response) => void listener(request, response));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return `http://127.0.0.1:${port}`;
};

describe('the npm package arctic', () => {
  const withings = new Withings(app.clientId, app.clientSecret, redirectUri);

  test('reads a refused code as the error it is', async () => {
    const simulator = standingSimulator();
    globalThis.fetch = simulator.fetch;
    const refused = withings.validateAuthorizationCode('f'.repeat(40));
    await expect(refused).rejects.toBeInstanceOf(OAuth2RequestError);
    await expect(refused).rejects.toMatchObject({ code: 'Invalid Params: invalid code' });
  });

  test('sees a broken connection as a failed fetch', async () => {
    const simulator = standingSimulator();
    globalThis.fetch = simulator.fetch;
    simulator.state.faults.add({ kind: 'lost_answer' });
    await expect(withings.validateAuthorizationCode('f'.repeat(40))).rejects.toBeInstanceOf(ArcticFetchError);
  });

  test('completes a flow: authorize, consent, code, tokens, measurements', async () => {
    const simulator = standingSimulator();
    globalThis.fetch = simulator.fetch;
    const url = withings.createAuthorizationURL('arctic state', ['user.info', 'user.metrics']);
    const consent = await fetch(url, form({ person: 'nora', decision: 'allow' }));
    const location = locationOf(consent);
    expect(location.searchParams.get('state')).toBe('arctic state');

    const tokens = await withings.validateAuthorizationCode(location.searchParams.get('code') ?? '');
    expect(tokens.accessToken()).toMatch(/^[0-9a-f]{40}$/);
    expect(tokens.refreshToken()).toMatch(/^[0-9a-f]{40}$/);
    expect(tokens.accessTokenExpiresInSeconds()).toBe(10_800);
    expect(tokens.tokenType()).toBe('Bearer');
    expect(tokens.data).toMatchObject({ userid: '38204117', scope: 'user.info,user.metrics' });

    const response = await fetch('https://wbsapi.withings.net/measure', {
      ...form({ action: 'getmeas', meastype: '1' }),
      headers: { authorization: `Bearer ${tokens.accessToken()}` },
    });
    const { status, body } = await response.json<{ status: number; body: GetmeasBody }>();
    expect(status).toBe(0);
    expect(body.measuregrps).toHaveLength(7);
  });
});

describe('the npm package grant', () => {
  /** An app that connects through grant, and the simulator it connects to, both listening. */
  const start = async () => {
    const simulator = standingSimulator();
    const withings = await listen(getRequestListener((request) => simulator.fetch(request)));
    const handlers: { connect?: ReturnType<typeof grant.node> } = {};
    const origin = await listen((request, response) => handlers.connect?.(request, response));
    handlers.connect = grant.node({
      config: {
        defaults: { origin, transport: 'querystring', state: true },
        withings: {
          key: app.clientId,
          secret: app.clientSecret,
          scope: ['user.info', 'user.metrics'],
          callback: '/connected',
          authorize_url: `${withings}/oauth2_user/authorize2`,
          access_url: `${withings}/v2/oauth2`,
        },
      },
      session: { secret: 'of the session cookie' },
    });
    const callback = `${origin}/connect/withings/callback`;
    simulator.state.clients.set(app.clientId, { ...app, redirectUris: [callback] });
    return { simulator, withings, origin };
  };

  /** Opens a URL as a browser would that does not follow redirects. */
  const open = (url: string | URL, init: RequestInit = {}) => fetch(url, { redirect: 'manual', ...init });
  const cookieOf = (response: Response) => response.headers.getSetCookie()[0]?.split(';')[0] ?? '';

  test('hands a denial on to its app', async () => {
    const { origin } = await start();
    const connecting = await open(`${origin}/connect/withings`);
    const denied = await open(locationOf(connecting), form({ decision: 'deny' }));
    const back = await open(locationOf(denied), { headers: { cookie: cookieOf(connecting) } });
    expect(back.headers.get('location')).toMatch(/^\/connected\?error=access_denied&/);
  });

  test('completes a flow over HTTP: authorize, consent, code, tokens, measurements', async () => {
    const { simulator, withings, origin } = await start();
    const connecting = await open(`${origin}/connect/withings`);
    const page = await open(locationOf(connecting));
    expect(await page.text()).toContain('Womoji');
    const allowed = await open(locationOf(connecting), form({ person: 'kenji', decision: 'allow' }));
    const back = await open(locationOf(allowed), { headers: { cookie: cookieOf(connecting) } });
    const connected = new URL(back.headers.get('location') ?? '', origin);
    expect(connected.pathname).toBe('/connected');
    expect(connected.searchParams.get('raw[userid]')).toBe('37558631');
    expect(connected.searchParams.get('refresh_token')).toMatch(/^[0-9a-f]{40}$/);

    const response = await open(`${withings}/measure`, {
      ...form({ action: 'getmeas' }),
      headers: { authorization: `Bearer ${connected.searchParams.get('access_token')}` },
    });
    const { status, body } = await response.json<{ status: number; body: GetmeasBody }>();
    expect(status).toBe(0);
    expect(body.measuregrps).toHaveLength(181);
    expect(simulator.state.grants.all()).toHaveLength(1);
  });
});
