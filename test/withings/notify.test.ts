import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  processListResponse,
  processSubscribeResponse,
  processUnsubscribeResponse,
  type Subscription,
} from '../../src/withings/notify.ts';
import { answer, failure, success, without } from './answers.ts';

fc.configureGlobal({ seed: 20_261_128 });

const CALLBACK = 'https://broker.test/withings/notify/5ec2e7';
const profile = { appli: 1, callbackurl: CALLBACK, comment: null, expires: 2_147_483_647 };
const list = (...profiles: unknown[]) => processListResponse(success({ profiles }));
const revealed = ({ callbackUrl, ...rest }: Subscription) => ({ ...rest, callbackUrl: callbackUrl.reveal() });

describe('a list', () => {
  test.each([
    { name: 'an empty body', body: {}, path: 'body.profiles' },
    { name: 'an empty list for a body', body: [], path: 'body.profiles' },
    { name: 'no body', body: undefined, path: 'body.profiles' },
    { name: 'a map of profiles', body: { profiles: {} }, path: 'body.profiles' },
    { name: 'null among them', body: { profiles: [null] }, path: 'body.profiles[0]' },
    {
      name: 'one without appli',
      body: { profiles: [profile, without(profile, 'appli')] },
      path: 'body.profiles[1].appli',
    },
    {
      name: 'an appli that is no number',
      body: { profiles: [{ ...profile, appli: 'weight' }] },
      path: 'body.profiles[0].appli',
    },
    { name: 'appli 0', body: { profiles: [{ ...profile, appli: 0 }] }, path: 'body.profiles[0].appli' },
    {
      name: 'one without a callback',
      body: { profiles: [without(profile, 'callbackurl')] },
      path: 'body.profiles[0].callbackurl',
    },
    {
      name: 'a callback that is no URL',
      body: { profiles: [{ ...profile, callbackurl: '/notify' }] },
      path: 'body.profiles[0].callbackurl',
    },
    {
      name: 'an endless callback',
      body: { profiles: [{ ...profile, callbackurl: `${CALLBACK}${'a'.repeat(9_000)}` }] },
      path: 'body.profiles[0].callbackurl',
    },
  ])('with $name is malformed at $path as a whole, never a list with a gap', ({ body, path }) => {
    expect(processListResponse(success(body))).toEqual({
      ok: false,
      failure: { kind: 'malformed', path, inDoubt: true },
    });
  });

  test('of none is empty', () => {
    expect(list()).toEqual({ ok: true, value: [] });
  });

  test('keeps doubles, kinds of data that are new, and others’ callbacks', () => {
    const entries = [
      profile,
      profile,
      { ...profile, appli: 7_777 },
      { appli: '44', callbackurl: 'http://other.test:80/?a=b', comment: 'sleep' },
    ];
    const listed = list(...entries);
    expect(listed.ok && listed.value.map(revealed)).toEqual([
      { appli: 1, callbackUrl: CALLBACK },
      { appli: 1, callbackUrl: CALLBACK },
      { appli: 7_777, callbackUrl: CALLBACK },
      { appli: 44, callbackUrl: 'http://other.test:80/?a=b' },
    ]);
  });

  test('does not show a callback to whatever prints it', () => {
    const listed = list(profile);
    expect(listed.ok).toBe(true);
    expect(JSON.stringify(listed)).not.toContain('5ec2e7');
  });

  test('of whatever JSON throws nothing, and holds as many as Withings has sent', () => {
    const usually = (value: unknown) =>
      fc.oneof({ weight: 9, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: fc.jsonValue() });
    const entry = fc.record({
      appli: usually(4),
      callbackurl: usually(CALLBACK),
      comment: usually(null),
      expires: usually(1),
    });
    let read = 0;
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 4 }), (profiles) => {
        const outcome = list(...profiles);
        if (!outcome.ok) return;
        read += 1;
        expect(outcome.value).toHaveLength(profiles.length);
        for (const { appli } of outcome.value) expect(appli).toBeGreaterThan(0);
      }),
    );
    expect(read).toBeGreaterThan(20);
  });
});

describe('a status that is not 0', () => {
  const kindOf = (outcome: { ok: boolean; failure?: { kind: string; inDoubt: boolean } }) => {
    expect(outcome.ok).toBe(false);
    return `${outcome.failure?.kind}${outcome.failure?.inDoubt ? ' in doubt' : ''}`;
  };
  test.each([
    { status: 293, subscribe: 'callback_refused', list: 'invalid_params', revoke: 'subscription_unknown' },
    { status: 343, subscribe: 'callback_refused', list: 'invalid_params', revoke: 'subscription_unknown' },
    { status: 286, subscribe: 'subscription_unknown', list: 'subscription_unknown', revoke: 'subscription_unknown' },
    { status: 294, subscribe: 'subscription_kept', list: 'subscription_kept', revoke: 'subscription_kept' },
    { status: 342, subscribe: 'client_rejected', list: 'client_rejected', revoke: 'client_rejected' },
    {
      status: 305,
      subscribe: 'upstream_error in doubt',
      list: 'upstream_error in doubt',
      revoke: 'upstream_error in doubt',
    },
    { status: 401, subscribe: 'unauthorized', list: 'unauthorized', revoke: 'unauthorized' },
    { status: 403, subscribe: 'insufficient_scope', list: 'insufficient_scope', revoke: 'insufficient_scope' },
    { status: 601, subscribe: 'throttled', list: 'throttled', revoke: 'throttled' },
    { status: 2554, subscribe: 'not_implemented', list: 'not_implemented', revoke: 'not_implemented' },
    {
      status: 2556,
      subscribe: 'upstream_error in doubt',
      list: 'upstream_error in doubt',
      revoke: 'upstream_error in doubt',
    },
  ])('$status: $subscribe to subscribe, $list to list, $revoke to revoke', ({ status, subscribe, list, revoke }) => {
    const answered = failure(status, 'The callback URL is either unknown or invalid');
    expect(kindOf(processSubscribeResponse(answered))).toBe(subscribe);
    expect(kindOf(processListResponse(answered))).toBe(list);
    expect(kindOf(processUnsubscribeResponse(answered))).toBe(revoke);
  });

  test('or no JSON, or no answer to speak of, is in doubt', () => {
    for (const text of ['', '<html>', 'null', '{"status":"0"}']) {
      expect(processSubscribeResponse({ httpStatus: 200, text })).toMatchObject({
        ok: false,
        failure: { inDoubt: true },
      });
    }
    expect(processSubscribeResponse({ httpStatus: 502, text: '' })).toMatchObject({
      ok: false,
      failure: { inDoubt: true },
    });
  });
});

test('an empty body in any of PHP’s ways is success where nothing is returned', () => {
  for (const body of [{}, [], null, undefined]) {
    expect(processSubscribeResponse(answer({ status: 0, body }))).toEqual({ ok: true, value: undefined });
    expect(processUnsubscribeResponse(answer({ status: 0, body }))).toEqual({ ok: true, value: undefined });
  }
});
