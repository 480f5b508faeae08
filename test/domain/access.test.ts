import { describe, expect, test } from 'vitest';

import { actorOf, isTokenOver, mayManage, tokenExpiry } from '../../src/domain/account.ts';
import { isLive, whyUnusable } from '../../src/domain/connection.ts';
import { credentialPage, MAX_VALID_CREDENTIALS } from '../../src/domain/credential-list.ts';
import { isSessionOver } from '../../src/domain/dashboard-session.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/domain/time.ts';

const NOW = Date.UTC(2026, 5, 15, 12);
const ADA = { id: 'acct_ada', name: 'Ada' };

describe('an app may be managed', () => {
  test.each([
    { who: 'by the operator, whoever owns it', account: undefined, owner: 'acct_eve', may: true },
    { who: 'by the operator, if no account owns it', account: undefined, owner: undefined, may: true },
    { who: 'by its owner', account: ADA, owner: 'acct_ada', may: true },
    { who: 'not by another developer', account: ADA, owner: 'acct_eve', may: false },
    { who: 'not by a developer, if no account owns it', account: ADA, owner: undefined, may: false },
  ])('$who', ({ account, owner, may }) => {
    expect(mayManage({ account }, { accountId: owner })).toBe(may);
  });

  test('only if it exists, even by the operator', () => {
    expect(mayManage({ account: undefined }, undefined)).toBe(false);
  });
});

test('an actor is the account and its token, or the operator', () => {
  const token = { id: 'token_1', name: 'laptop', expiresAt: undefined };
  expect(actorOf({ account: ADA, token, surface: 'cli' })).toEqual({
    id: 'acct_ada',
    tokenId: 'token_1',
    surface: 'cli',
  });
  expect(actorOf({ account: undefined, token: undefined, surface: 'api' }).id).toBe('operator');
});

test('a token is refused from the moment of its expiry, and once it is revoked', () => {
  const expiresAt = tokenExpiry(NOW, 90);
  expect(expiresAt).toBe(NOW + 90 * DAY_MS);
  expect(isTokenOver({ revokedAt: undefined, expiresAt }, expiresAt - 1)).toBe(false);
  expect(isTokenOver({ revokedAt: undefined, expiresAt }, expiresAt)).toBe(true);
  expect(isTokenOver({ revokedAt: 1, expiresAt: undefined }, NOW)).toBe(true);
});

test('a dashboard session ends 30 minutes after its last request, and at its expiry', () => {
  const session = { lastSeenAt: NOW, expiresAt: NOW + HOUR_MS };
  expect(isSessionOver(session, NOW + 30 * MINUTE_MS - 1)).toBe(false);
  expect(isSessionOver(session, NOW + 30 * MINUTE_MS)).toBe(true);
  expect(isSessionOver({ ...session, lastSeenAt: NOW + HOUR_MS - 1 }, NOW + HOUR_MS)).toBe(true);
});

describe('a connection', () => {
  test('without tokens says what to do: link, or link again', () => {
    expect(whyUnusable(undefined)).toEqual({ kind: 'not_connected' });
    expect(whyUnusable({ state: 'disconnected', stateReason: undefined })).toEqual({ kind: 'not_connected' });
    expect(whyUnusable({ state: 'reauth_required', stateReason: 'seal_broken' })).toEqual({
      kind: 'reauth_required',
      reason: 'seal_broken',
    });
    expect(whyUnusable({ state: 'active', stateReason: undefined })).toBeUndefined();
  });

  test('keeps its place while it waits for consent, and gives it up when it is disconnected', () => {
    expect((['active', 'reauth_required', 'disconnected'] as const).map(isLive)).toEqual([true, true, false]);
  });
});

describe('a page of credentials', () => {
  const read = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ id: `key_${index}`, createdAt: index }));

  test('is the last one if there is no further row', () => {
    const page = credentialPage(read(MAX_VALID_CREDENTIALS), () => false);
    expect(page.credentials).toHaveLength(MAX_VALID_CREDENTIALS);
    expect(page.next).toBeUndefined();
  });

  test('continues after its own last row, not after the one that was read beyond it', () => {
    const page = credentialPage(read(MAX_VALID_CREDENTIALS + 1), ({ id }) => id === 'key_99');
    expect(page.credentials).toHaveLength(MAX_VALID_CREDENTIALS);
    expect(page.next).toEqual({ isOver: true, createdAt: 99, id: 'key_99' });
  });
});
