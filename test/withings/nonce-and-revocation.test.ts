import { describe, expect, test } from 'vitest';

import { processNonceResponse, processRevokeResponse } from '../../src/withings/token.ts';
import { failure, NONCE, success } from './answers.ts';

describe('a nonce', () => {
  test.each([
    { name: 'an empty body', body: {} },
    { name: 'a list', body: [] },
    { name: 'an empty nonce', body: { nonce: '' } },
    { name: 'a number', body: { nonce: 7 } },
  ])('is not found in $name', ({ body }) => {
    expect(processNonceResponse(success(body))).toMatchObject({
      ok: false,
      failure: { kind: 'malformed', path: 'body.nonce' },
    });
  });

  test('is what the answer says', () => {
    expect(processNonceResponse(success({ nonce: NONCE }))).toEqual({ ok: true, value: NONCE });
  });
});

describe('a revocation', () => {
  test('that is refused is a failure', () => {
    expect(processRevokeResponse(failure(247, 'bad userid'))).toEqual({
      ok: false,
      failure: { kind: 'invalid_params', status: 247, inDoubt: false },
    });
  });

  test.each([{ body: {} }, { body: [] }, { body: null }])('is done by status 0 with $body', ({ body }) => {
    expect(processRevokeResponse(success(body))).toEqual({ ok: true, value: undefined });
  });
});
