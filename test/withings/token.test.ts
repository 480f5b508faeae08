import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { processTokenResponse, tokenEndpointCause } from '../../src/withings/token.ts';
import { ACCESS_TOKEN, answer, failure, REFRESH_TOKEN, revealed, success, tokenBody, without } from './answers.ts';

describe('a success without a whole grant in it', () => {
  test.each([
    { name: 'an empty body', body: {}, path: 'body.userid' },
    { name: 'an empty list for a body', body: [], path: 'body' },
    { name: 'a null body', body: null, path: 'body' },
    { name: 'no body', body: undefined, path: 'body' },
    { name: 'text for a body', body: 'ok', path: 'body' },
    { name: 'no userid', body: without(tokenBody, 'userid'), path: 'body.userid' },
    { name: 'userid 0', body: { ...tokenBody, userid: 0 }, path: 'body.userid' },
    { name: 'an empty userid', body: { ...tokenBody, userid: '' }, path: 'body.userid' },
    { name: 'a userid below zero', body: { ...tokenBody, userid: -1 }, path: 'body.userid' },
    { name: 'a userid with a point', body: { ...tokenBody, userid: '1.5' }, path: 'body.userid' },
    { name: 'a userid past exactness', body: { ...tokenBody, userid: 2 ** 53 }, path: 'body.userid' },
    { name: 'a null userid', body: { ...tokenBody, userid: null }, path: 'body.userid' },
    { name: 'no access token', body: without(tokenBody, 'access_token'), path: 'body.access_token' },
    { name: 'an empty access token', body: { ...tokenBody, access_token: '' }, path: 'body.access_token' },
    { name: 'a null access token', body: { ...tokenBody, access_token: null }, path: 'body.access_token' },
    { name: 'a number for a token', body: { ...tokenBody, access_token: 12 }, path: 'body.access_token' },
    {
      name: 'an access token that would split a header',
      body: { ...tokenBody, access_token: 'abc\r\nx: y' },
      path: 'body.access_token',
    },
    { name: 'no refresh token', body: without(tokenBody, 'refresh_token'), path: 'body.refresh_token' },
    { name: 'an empty refresh token', body: { ...tokenBody, refresh_token: '' }, path: 'body.refresh_token' },
    {
      name: 'an endless refresh token',
      body: { ...tokenBody, refresh_token: 'f'.repeat(100_000) },
      path: 'body.refresh_token',
    },
  ])('$name is malformed at $path, in doubt, and no grant', ({ body, path }) => {
    expect(processTokenResponse(success(body))).toEqual({
      ok: false,
      failure: { kind: 'malformed', path, inDoubt: true },
    });
  });

  test('tokens beside a non-zero status are no grant', () => {
    expect(processTokenResponse(answer({ status: 503, body: tokenBody }))).toEqual({
      ok: false,
      failure: { kind: 'invalid_params', status: 503, inDoubt: false },
    });
  });

  test('an answer cut short anywhere is no grant, and in doubt', () => {
    const whole = success(tokenBody).text;
    const cuts = Array.from({ length: whole.length }, (_, end) =>
      processTokenResponse({ httpStatus: 200, text: whole.slice(0, end) }),
    );
    expect(new Set(cuts.map((outcome) => JSON.stringify(outcome)))).toEqual(
      new Set([JSON.stringify({ ok: false, failure: { kind: 'not_json', inDoubt: true } })]),
    );
  });

  test('whatever stands in the body, nothing throws and a grant is whole', () => {
    const usually = (value: unknown) =>
      fc.oneof({ weight: 9, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: fc.jsonValue() });
    const body = fc.record({
      userid: usually(tokenBody.userid),
      access_token: usually(tokenBody.access_token),
      refresh_token: usually(tokenBody.refresh_token),
      scope: usually(tokenBody.scope),
      expires_in: usually(tokenBody.expires_in),
    });
    let grants = 0;
    fc.assert(
      fc.property(fc.oneof(body, fc.jsonValue()), (body) => {
        const outcome = processTokenResponse(success(body));
        if (!outcome.ok) return;
        grants += 1;
        expect(outcome.value.accessToken.reveal()).toMatch(/^[\x21-\x7e]+$/);
        expect(outcome.value.refreshToken.reveal()).toMatch(/^[\x21-\x7e]+$/);
        expect(outcome.value.withingsUserId).toMatch(/^[1-9]\d*$/);
        expect(outcome.value.expiresInSeconds).toBeGreaterThan(0);
      }),
    );
    expect(grants).toBeGreaterThan(20);
  });
});

describe('a grant', () => {
  const grant = {
    withingsUserId: '27718374',
    accessToken: ACCESS_TOKEN,
    refreshToken: REFRESH_TOKEN,
    scope: ['user.metrics', 'user.activity'],
    expiresInSeconds: 10800,
  };

  test('names its person in digits, whether the userid is an integer or a string', () => {
    expect(revealed(processTokenResponse(success(tokenBody)))).toEqual({ ok: true, value: grant });
    expect(revealed(processTokenResponse(success({ ...tokenBody, userid: '27718374' })))).toEqual({
      ok: true,
      value: grant,
    });
  });

  test('ignores members it does not know', () => {
    const outcome = processTokenResponse(success({ ...tokenBody, csrf_token: 'x'.repeat(32), future: { a: [1] } }));
    expect(revealed(outcome)).toEqual({ ok: true, value: grant });
  });

  test.each([
    { scope: 'user.metrics', names: ['user.metrics'] },
    { scope: 'user.info, user.metrics', names: ['user.info', 'user.metrics'] },
    { scope: 'user.metrics\u0000,user.metrics\r\nX:<y>,<b>,user.info', names: ['user.info'] },
    { scope: '', names: [] },
    { scope: undefined, names: undefined },
    { scope: 7, names: undefined },
  ])('of scope $scope grants $names', ({ scope, names }) => {
    expect(processTokenResponse(success({ ...tokenBody, scope }))).toMatchObject({ value: { scope: names } });
  });

  test.each([
    { expiresIn: 7200, seconds: 7200 },
    { expiresIn: '7200', seconds: 7200 },
    { expiresIn: undefined, seconds: 10800 },
    { expiresIn: null, seconds: 10800 },
    { expiresIn: 0, seconds: 10800 },
    { expiresIn: -1, seconds: 10800 },
    { expiresIn: 1e15, seconds: 10800 },
    { expiresIn: 'later', seconds: 10800 },
  ])('that expires in $expiresIn is kept, for $seconds s', ({ expiresIn, seconds }) => {
    const outcome = processTokenResponse(success({ ...tokenBody, expires_in: expiresIn }));
    expect(revealed(outcome)).toMatchObject({
      ok: true,
      value: { refreshToken: REFRESH_TOKEN, expiresInSeconds: seconds },
    });
  });
});

describe('explicit rejections', () => {
  const causeOf = (status: number, error: string) => tokenEndpointCause({ status, body: {}, error });

  test.each([
    { name: 'as recorded', error: 'Invalid Params: invalid refresh_token' },
    { name: 'with a prefix', error: 'XRequestID: [Not provided] - Invalid Params: invalid refresh_token' },
    { name: 'with a space', error: 'Invalid refresh token' },
  ])('an invalid refresh token $name is rejected', ({ error }) => {
    expect(causeOf(503, error)).toEqual({ kind: 'refresh_token_rejected' });
  });

  test('an invalid code as recorded is rejected', () => {
    expect(causeOf(503, 'Invalid Params: invalid code')).toEqual({ kind: 'code_rejected' });
  });

  test.each([
    { status: 503, error: 'Invalid Params: invalid client_id/client_secret' },
    { status: 503, error: 'Invalid Params: invalid client_id' },
    { status: 401, error: 'invalid_client' },
    { status: 503, error: 'Invalid_request: The client ID was not specified' },
    { status: 304, error: 'invalid signature' },
    { status: 342, error: '' },
    { status: 342, error: 'Invalid Params: invalid refresh_token' },
    { status: 503, error: 'Invalid Params: invalid refresh_token for this client_id' },
  ])('$status "$error" blames the client, and no token', ({ status, error }) => {
    expect(causeOf(status, error)).toEqual({ kind: 'client_rejected' });
  });

  test.each([
    { status: 503, error: '' },
    { status: 503, error: 'Invalid Params' },
    { status: 503, error: 'Invalid Params: missing refresh_token' },
    { status: 503, error: 'Invalid Params: invalid redirect_uri' },
    { status: 503, error: 'invalid_params: invalid grant_type' },
    { status: 503, error: 'Invalid Params: invalid codec' },
    { status: 293, error: 'Invalid Params: invalid refresh_token' },
  ])('$status "$error" condemns nobody', ({ status, error }) => {
    expect(causeOf(status, error)).toEqual({ kind: 'invalid_params', status });
  });

  test.each([
    { status: 601, kind: 'throttled' },
    { status: 522, kind: 'upstream_error' },
    { status: 2555, kind: 'upstream_error' },
    { status: 9999, kind: 'upstream_error' },
    { status: 403, kind: 'insufficient_scope' },
    { status: 2554, kind: 'not_implemented' },
  ])('a text counts for nothing beside status $status', ({ status, kind }) => {
    expect(causeOf(status, 'Invalid Params: invalid refresh_token, invalid client_id')).toMatchObject({
      kind,
    });
  });

  test('no failure repeats a word of what Withings said', () => {
    const canary = 'CANARY';
    fc.assert(
      fc.property(
        fc.integer({ min: -10, max: 11_000 }).filter((status) => status !== 0),
        (status) => {
          const outcome = processTokenResponse(
            failure(status, `Invalid Params: invalid refresh_token ${canary}`, { echoed: canary }),
          );
          expect(outcome.ok).toBe(false);
          expect(JSON.stringify(outcome)).not.toContain(canary);
        },
      ),
    );
  });
});
