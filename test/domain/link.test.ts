import { describe, expect, test } from 'vitest';

import { asConnectionId } from '../../src/domain/connection-id.ts';
import { decideLink, LINK_ERRORS, type LinkDecision } from '../../src/domain/link.ts';

/** Every combination that can come up, with what becomes of it. */

type Known = Parameters<typeof decideLink>[0]['known'];
const [THIS, OTHER] = [asConnectionId(1), asConnectionId(2)];

/** What the user is connected to now: nothing, this account or another, and in which state. */
const SITUATIONS: Record<string, Known> = {
  nobody: [],
  'this account': [{ id: THIS, withingsUserId: 'this', state: 'active', isCurrent: true, isDemo: false }],
  'this account, which must consent again': [
    { id: THIS, withingsUserId: 'this', state: 'reauth_required', isCurrent: true, isDemo: false },
  ],
  'this account, disconnected': [
    { id: THIS, withingsUserId: 'this', state: 'disconnected', isCurrent: true, isDemo: false },
  ],
  'another account': [{ id: OTHER, withingsUserId: 'other', state: 'active', isCurrent: true, isDemo: false }],
  'another account, which must consent again': [
    { id: OTHER, withingsUserId: 'other', state: 'reauth_required', isCurrent: true, isDemo: false },
  ],
  'another account, disconnected': [
    { id: OTHER, withingsUserId: 'other', state: 'disconnected', isCurrent: true, isDemo: false },
  ],
  'another account, this one before': [
    { id: OTHER, withingsUserId: 'other', state: 'active', isCurrent: true, isDemo: false },
    { id: THIS, withingsUserId: 'this', state: 'disconnected', isCurrent: false, isDemo: false },
  ],
  'another account, disconnected, this one before': [
    { id: OTHER, withingsUserId: 'other', state: 'disconnected', isCurrent: true, isDemo: false },
    { id: THIS, withingsUserId: 'this', state: 'disconnected', isCurrent: false, isDemo: false },
  ],
};

const isDemo = true;
/** The same of links that end at Withings' demo account, or come after one to it. */
const DEMO: { by: 'a person' | 'the demo account'; known: Known; taken: boolean }[] = [
  { by: 'the demo account', known: [], taken: false },
  {
    by: 'the demo account',
    known: [{ id: OTHER, withingsUserId: 'other', state: 'active', isCurrent: true, isDemo: false }],
    taken: true,
  },
  {
    by: 'the demo account',
    known: [{ id: OTHER, withingsUserId: 'other', state: 'reauth_required', isCurrent: true, isDemo: false }],
    taken: true,
  },
  {
    by: 'the demo account',
    known: [{ id: OTHER, withingsUserId: 'other', state: 'disconnected', isCurrent: true, isDemo: false }],
    taken: false,
  },
  // Withings may have another demo account one day.
  {
    by: 'the demo account',
    known: [{ id: OTHER, withingsUserId: 'other', state: 'active', isCurrent: true, isDemo }],
    taken: false,
  },
  {
    by: 'a person',
    known: [{ id: OTHER, withingsUserId: 'other', state: 'active', isCurrent: true, isDemo }],
    taken: false,
  },
];

/** The id of the connection to this account, where one is known. */
const idIn = (situation: string): number | undefined =>
  SITUATIONS[situation]?.find(({ withingsUserId }) => withingsUserId === 'this')?.id;

const decide = (
  policy: 'open' | 'session' | 'confirm',
  kind: 'open' | 'session',
  sameBrowser: boolean,
  situation: string,
) =>
  decideLink({
    policy,
    kind,
    sameBrowser,
    withingsUserId: 'this',
    isDemo: false,
    othersOnAccount: 'none',
    known: SITUATIONS[situation] ?? [],
  });

const refused = (error: Extract<LinkDecision, { kind: 'refuse' }>['error']): LinkDecision => ({
  kind: 'refuse',
  error,
});

describe.each(Object.keys(SITUATIONS))('a user connected to %s', (situation) => {
  const connectionId = idIn(situation);
  const holdsThePlace = /^another account(?!, disconnected)/.test(situation);

  test.each([true, false])('by an open link under the open policy (same browser: %s)', (sameBrowser) => {
    expect(decide('open', 'open', sameBrowser, situation)).toEqual(
      holdsThePlace ? refused('already_connected') : { kind: 'activate', connectionId, mayReplace: false },
    );
  });

  test.each([true, false])('by an open link under the session policy (same browser: %s)', (sameBrowser) => {
    expect(decide('session', 'open', sameBrowser, situation)).toEqual(refused('link_not_allowed'));
  });

  test.each(['open', 'session'] as const)('by a connect session under the %s policy', (policy) => {
    expect(decide(policy, 'session', true, situation)).toEqual({ kind: 'activate', connectionId, mayReplace: true });
    expect(decide(policy, 'session', false, situation)).toEqual({ kind: 'hold', connectionId });
  });

  test.each(['open', 'session'] as const)('by any link (%s) under the confirm policy', (kind) => {
    for (const sameBrowser of [true, false]) {
      expect(decide('confirm', kind, sameBrowser, situation)).toEqual({ kind: 'hold', connectionId });
    }
  });
});

test.each(DEMO)('a link to $by, to a user connected to $known: taken $taken', ({ by, known, taken }) => {
  const link = { withingsUserId: 'this', isDemo: by === 'the demo account', othersOnAccount: 'none', known } as const;
  const kinds = [
    { policy: 'open', kind: 'open', kept: { kind: 'activate', mayReplace: false } },
    { policy: 'session', kind: 'session', kept: { kind: 'activate', mayReplace: !link.isDemo } },
    { policy: 'confirm', kind: 'session', kept: { kind: 'hold' } },
  ] as const;
  for (const { policy, kind, kept } of kinds) {
    expect(decideLink({ ...link, policy, kind, sameBrowser: true }), policy).toEqual(
      taken ? refused('already_connected') : { ...kept, connectionId: undefined },
    );
  }
});

test('each error that an app may be sent has words for it, in characters that a query carries', () => {
  for (const [error, description] of Object.entries(LINK_ERRORS)) {
    expect(error).toMatch(/^[a-z_]+$/);
    // RFC 6749, 4.1.2.1
    expect(description).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
  }
});
