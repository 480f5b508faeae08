import { env } from 'cloudflare:workers';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';

import { refused, registrable } from '../fixtures/redirect-uri-registrations.ts';
import { anyPortUris, sentUris } from '../fixtures/redirect-uris.ts';
import { authPath, type Broker, consent, makeApp, openLink, startBroker, type TestApp } from '../support/broker.ts';

/** The rules of redirect URIs through the running Worker. What each rule says is shown apart, in `test/domain`. */

const seed = 20_260_614;

let broker: Broker;
let app: TestApp;
beforeAll(async () => {
  broker = await startBroker({ bindings: { PUBLIC_URL: 'https://broker.example.net' } });
  app = await makeApp(broker);
});

const register = (to: { id: string }, uri: string) => broker.manage('PUT', `/apps/${to.id}/redirect-uris`, { uri });
const forget = () => env.DB.prepare('DELETE FROM redirect_uris WHERE app_id = ?').bind(app.id).run();

/** An app for which exactly these stand, whether or not they could be registered. */
const appWith = async (uris: readonly string[], allowLoopback: boolean): Promise<TestApp> => {
  const made = await makeApp(broker);
  await env.DB.batch([
    env.DB.prepare('UPDATE apps SET allow_loopback = ? WHERE id = ?').bind(Number(allowLoopback), made.id),
    env.DB.prepare('DELETE FROM redirect_uris WHERE app_id = ?').bind(made.id),
    ...uris.map((uri, index) =>
      env.DB.prepare(
        `INSERT INTO redirect_uris (app_id, id, uri, warnings, created_at) VALUES (?, ?, ?, '[]', 0)`,
      ).bind(made.id, `uri_${index}`, uri),
    ),
  ]);
  return made;
};

/**
 * What an authorization request meets: whether it went on to Withings. Everything that a refusal must not do is
 * asserted.
 */
const isPermitted = async (to: { id: string }, sent: string): Promise<boolean> => {
  const response = await broker.request(authPath(to, 'ada', sent));
  if (response.status === 302) {
    expect(new URL(response.headers.get('Location') ?? '').host).toBe('account.withings.com');
    return true;
  }
  expect(response.status).toBe(400);
  expect(response.headers.get('Location')).toBeNull();
  expect(response.headers.getSetCookie()).toEqual([]);
  expect(await response.text()).toMatch(/redirect_uri not allowed|redirect_uri: Missing/);
  return false;
};

describe('registering', () => {
  test.each(refused)('refuses for %s', async (reason, uris) => {
    await broker.manage('PATCH', `/apps/${app.id}`, { allow_loopback: reason !== 'http_not_allowed' });
    for (const uri of uris.filter((one) => one.length <= 2048 && !one.includes('127.0.0.1:8787')).slice(0, 6)) {
      const answer = await register(app, uri);
      expect(answer.status, uri).toBe(422);
      expect(await answer.json(), uri).toMatchObject({ code: 'redirect_uri_not_registrable' });
    }
    const listed = await (await broker.manage('GET', `/apps/${app.id}/redirect-uris`)).json<{ data: object[] }>();
    expect(listed.data).toHaveLength(2);
  });

  test('takes the one accepted spelling, and says what speaks against it', async () => {
    await broker.manage('PATCH', `/apps/${app.id}`, { allow_loopback: true });
    for (const [uri, warnings] of registrable) {
      await forget();
      const answer = await register(app, uri);
      expect(answer.status, uri).toBe(201);
      const { warnings: stored } = await answer.json<{ warnings: { code: string }[] }>();
      expect(
        stored.map(({ code }) => code),
        uri,
      ).toEqual(warnings);
      expect(await isPermitted(app, uri), uri).toBe(true);
    }
  });

  test('takes 20 at most, of however many that are sent at once; one that stands already counts once', async () => {
    await forget();
    const many = Array.from({ length: 25 }, (_, index) => `https://fit.example.org/${index}`);
    const statuses = (await Promise.all(many.map((uri) => register(app, uri)))).map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(20);
    expect(statuses.filter((status) => status === 409)).toHaveLength(5);
    const [first = ''] = many.filter((_, index) => statuses[index] === 201);
    expect((await register(app, first)).status).toBe(200);
  });
});

describe('authorizing', () => {
  test.each([...new Set(sentUris.map(({ registered }) => registered))])('against %s', async (registered) => {
    const only = await appWith([registered], true);
    const rows = sentUris.filter((row) => row.registered === registered);
    for (const { name, sent, permitted } of rows) expect(await isPermitted(only, sent), name).toBe(permitted);
  });

  test.each([...new Set(anyPortUris.map(([registered]) => registered))])('any port against %s', async (registered) => {
    const [only, strict] = [await appWith([registered], true), await appWith([registered], false)];
    for (const [, sent, permitted] of anyPortUris.filter(([one]) => one === registered)) {
      expect(await isPermitted(only, sent), sent).toBe(permitted);
      expect(await isPermitted(strict, sent), sent).toBe(sent === registered);
    }
  });

  test('says how the URI differs from the nearest registered one, and escapes it on the page', async () => {
    const only = await appWith(['https://fit.example.org/done'], false);
    const differing = [
      ['https://fit.example.org/Done', /case differ/],
      ['https://fit.example.org/done/', /slash/],
      ['https://fit.example.org:8443/done', /port differs/],
      ['http://fit.example.org/done', /scheme differs/],
      ['https://fit.example.org/done?a=1', /query differs/],
    ] as const;
    for (const [sent, explanation] of differing) {
      const answer = await broker.request(authPath(only, 'ada', sent), { headers: { Accept: 'text/html' } });
      expect(await answer.text()).toMatch(explanation);
      const query = `?uri=${encodeURIComponent(sent)}`;
      const tested = await broker.manage('GET', `/apps/${only.id}/redirect-uris/test${query}`);
      expect(await tested.json()).toMatchObject({ matches: false, registered: 'https://fit.example.org/done' });
    }
    const markup = 'https://fit.example.org/<img/src=x>';
    const page = await broker.request(authPath(only, 'ada', markup), { headers: { Accept: 'text/html' } });
    expect(await page.text()).not.toContain('<img/src');
    const json = await broker.request(authPath(only, 'ada', markup));
    expect(json.headers.get('Content-Type')).toBe('application/problem+json');
    expect(json.headers.get('X-Content-Type-Options')).toBe('nosniff');
  });

  test('a URI that is removed is refused at the next request, and by the callback of a link under way', async () => {
    const only = await appWith(['https://fit.example.org/done', 'tracker://linked/ok'], false);
    const person = [...broker.simulator.state.people.list()][0]?.id ?? '';
    broker.deploy({ PUBLIC_URL: undefined });
    const { authorizeUrl, cookies } = await openLink(broker, authPath(only, 'ada', 'tracker://linked/ok'));
    const callback = await consent(broker, authorizeUrl, person);
    await broker.manage('DELETE', `/apps/${only.id}/redirect-uris?uri=tracker%3A%2F%2Flinked%2Fok`);
    expect(await isPermitted(only, 'tracker://linked/ok')).toBe(false);
    const ended = await broker.request(callback, { headers: { Cookie: cookies } });
    expect(ended.status).toBe(400);
    expect(ended.headers.get('Location')).toBeNull();
    broker.deploy({ PUBLIC_URL: 'https://broker.example.net' });
  });
});

describe('whatever is sent', () => {
  const near = fc
    .record({
      uri: fc.constantFrom(...registrable.map(([uri]) => uri)),
      at: fc.nat(),
      remove: fc.nat(2),
      insert: fc.oneof(
        fc.constant(''),
        fc.string({ unit: 'binary', maxLength: 2 }),
        fc.constantFrom('/', '%2e', '@', ':1'),
      ),
    })
    .map(({ uri, at, remove, insert }) => {
      const position = at % (uri.length + 1);
      return uri.slice(0, position) + insert + uri.slice(position + remove);
    });
  const anything = fc.oneof(
    { weight: 3, arbitrary: near },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
    { weight: 1, arbitrary: fc.webUrl({ withFragments: true, withQueryParameters: true }) },
  );

  test('registering answers 201 or 422, and what it took is what is stored', async () => {
    await fc.assert(
      fc.asyncProperty(anything, async (uri) => {
        await forget();
        const { status } = await register(app, uri);
        expect([201, 422]).toContain(status);
        const listed = await (
          await broker.manage('GET', `/apps/${app.id}/redirect-uris`)
        ).json<{ data: { uri: string }[] }>();
        expect(listed.data.map((entry) => entry.uri)).toEqual(status === 201 ? [uri] : []);
      }),
      { seed, numRuns: 60 },
    );
  });

  test('authorizing goes on exactly where the string is registered, and is never a 500', async () => {
    const uris = registrable.map(([uri]) => uri);
    const all = await appWith(uris, false);
    await fc.assert(
      fc.asyncProperty(anything, async (sent) => {
        fc.pre(sent.isWellFormed());
        expect(await isPermitted(all, sent)).toBe(uris.includes(sent));
      }),
      { seed, numRuns: 120 },
    );
  });

  test('raw query bytes that decode to a registered string or to none never end in a 500', async () => {
    const only = await appWith(['https://fit.example.org/done'], false);
    const raw = fc.string({
      unit: fc.constantFrom('%', 'f', '0', 'a', '/', '+', '&', '=', 'é', '#', '[', ']'),
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(raw, async (text) => {
        const path = `/apps/${only.id}/withings/auth?user_id=ada&redirect_uri=https://fit.example.org/done${text}`;
        expect([302, 400]).toContain((await broker.request(path)).status);
      }),
      { seed, numRuns: 40 },
    );
  });

  test('the Location after consent is a registered string, byte for byte, but for what is appended to its query', async () => {
    broker.deploy({ PUBLIC_URL: undefined });
    const uris = registrable.map(([uri]) => uri);
    const apps = { open: await appWith(uris, false), confirm: await appWith(uris, false) };
    await broker.manage('PATCH', `/apps/${apps.confirm.id}`, { link_policy: 'confirm' });
    const person = [...broker.simulator.state.people.list()][0]?.id ?? '';
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...uris),
        fc.constantFrom<'allow' | 'deny'>('allow', 'deny'),
        fc.constantFrom<'open' | 'confirm'>('open', 'confirm'),
        async (uri, decision, policy) => {
          const { authorizeUrl, cookies } = await openLink(broker, authPath(apps[policy], 'ada', uri));
          const callback = await consent(broker, authorizeUrl, person, decision);
          const location =
            (await broker.request(callback, { headers: { Cookie: cookies } })).headers.get('Location') ?? '';
          expect(location.slice(0, uri.length)).toBe(uri);
          const appended = location.slice(uri.length).replace(/^[?&]/, (first) => {
            expect(first).toBe(uri.includes('?') ? '&' : '?');
            return '';
          });
          if (decision === 'deny') expect(appended).toMatch(/^error=access_denied&error_description=[\w%.-]+$/);
          else if (policy === 'open') expect(appended).toBe('');
          else expect(appended).toMatch(/^ticket=mushu_ticket_[0-9a-f]{72}$/);
        },
      ),
      { seed, numRuns: 20 },
    );
  });
});
