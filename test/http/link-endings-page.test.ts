import { beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { authPath, connect, consent, openLink, WOMOJI } from '../support/broker.ts';
import { type Endings, startEndings } from '../support/link-endings.ts';

/** A link whose app asked for a page at its end. */

let endings: Endings;
beforeAll(async () => {
  endings = await startEndings();
});
beforeEach(() => endings.next());

describe('a link that ends on a page', () => {
  const pageOf = async (decision: 'allow' | 'deny' = 'allow', person = 'nora', userId = endings.user()) => {
    const { authorizeUrl, cookies } = await openLink(endings.broker, `${authPath(endings.app, userId)}&ending=page`);
    const url = await consent(endings.broker, authorizeUrl, person, decision);
    const finish = async () => {
      const answer = await endings.broker.request(url, { headers: { Cookie: cookies } });
      expect([answer.status, answer.headers.get('Location')]).toEqual([200, null]);
      expect(answer.headers.get('Content-Type')).toMatch(/^text\/html/);
      expect(answer.headers.get('Cache-Control')).toBe('no-store');
      const html = await answer.text();
      return { html, href: /href="([^"]+)">\s*Back to the app/.exec(html)?.[1]?.replaceAll('&amp;', '&') ?? '' };
    };
    return { finish };
  };

  test('says that the person is connected, the second time too, and leads to the registered string', async () => {
    const { finish } = await pageOf();
    for (const { html, href } of [await finish(), await finish()]) {
      expect(html).toContain('<h1>Connected</h1>');
      expect(href).toBe(WOMOJI);
    }
    expect(await (await endings.app.call('GET', `/withings/status/${endings.user()}`)).json()).toEqual({
      connected: true,
    });
  });

  test.each([
    ['a refusal', 'deny', 'access_denied'],
    ['another account', 'allow', 'already_connected'],
  ] as const)('says after %s that the person is not connected, and tells the app why', async (_, decision, error) => {
    if (decision === 'allow') await connect(endings.broker, endings.app, endings.user(), 'walter');
    const { html, href } = await (await pageOf(decision)).finish();
    expect(html).toContain('<h1>Not connected</h1>');
    expect(href.startsWith(`${WOMOJI}?error=${error}&`)).toBe(true);
  });

  test('says under confirm that the app has to confirm, and gives it the ticket', async () => {
    await endings.broker.manage('PATCH', `/apps/${endings.app.id}`, { link_policy: 'confirm' });
    const { html, href } = await (await pageOf()).finish();
    await endings.broker.manage('PATCH', `/apps/${endings.app.id}`, { link_policy: 'open' });
    expect(html).toContain('Almost connected');
    expect(html.split('mushu_ticket_')).toHaveLength(2);
    expect(
      (
        await endings.app.call('POST', '/withings/confirm', {
          ticket: new URL(href).searchParams.get('ticket'),
          user_id: endings.user(),
        })
      ).status,
    ).toBe(200);
  });

  test.each(['&ending=redirect', '&ending=', '&ending=page&ending=page'])(
    'is asked for in one way: %s is refused',
    async (more) => {
      const answer = await endings.broker.request(`${authPath(endings.app, endings.user())}${more}`);
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({
        code: 'invalid_parameter',
        detail: expect.stringContaining('ending'),
      });
    },
  );

  test('cannot be made of another by a parameter of the callback', async () => {
    const { url, finish } = await endings.consented();
    expect((await finish(`${url}&ending=page`)).status).toBe(302);
  });
});
