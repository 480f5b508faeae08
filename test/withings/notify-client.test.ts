import { describe, expect, test } from 'vitest';

import { secret } from '../../src/withings/secret.ts';
import { ACCESS_TOKEN, failure, success } from './answers.ts';
import { makeClient } from './make-client.ts';

describe('notifications', () => {
  const accessToken = secret(ACCESS_TOKEN);
  const callbackUrl = secret('https://broker.test/withings/notify/5ec2e7?a=b');
  const callbackurl = callbackUrl.reveal();

  test('are asked for with the access token, one form an action, and no more in it than was asked', async () => {
    const { client, calls } = makeClient(...Array.from({ length: 4 }, () => success({ profiles: [] })));
    await client.subscribe({ accessToken, callbackUrl, appli: 1 });
    await client.listSubscriptions({ accessToken });
    await client.revokeSubscription({ accessToken, callbackUrl, appli: 1 });
    await client.revokeSubscription({ accessToken, callbackUrl });
    expect(calls.map(({ form }) => form)).toEqual([
      { action: 'subscribe', callbackurl, appli: '1' },
      { action: 'list' },
      { action: 'revoke', callbackurl, appli: '1' },
      { action: 'revoke', callbackurl },
    ]);
    for (const { url, init } of calls) {
      expect(url).toBe('https://api.test/notify');
      expect(init.headers).toEqual({ authorization: `Bearer ${ACCESS_TOKEN}` });
    }
  });

  test('whose callback Withings refuses are a failure, after one call', async () => {
    const { client, calls } = makeClient(failure(293, 'The callback URL is either unknown or invalid'));
    expect(await client.subscribe({ accessToken, callbackUrl, appli: 1 })).toEqual({
      ok: false,
      failure: { kind: 'callback_refused', inDoubt: false },
    });
    expect(calls).toHaveLength(1);
  });
});
