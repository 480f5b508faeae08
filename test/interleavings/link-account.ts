import type { Deps } from '../../src/broker/deps.ts';
import { storeGrant } from '../../src/broker/link/store-grant.ts';
import type { AppId } from '../../src/domain/app-id.ts';
import { secret } from '../../src/domain/secret.ts';
import type { UserId } from '../../src/domain/user-id.ts';
import { currentConnection } from '../../src/store/link/connections.ts';
import { CALLBACK_URL, CLIENT_ID, START } from './names.ts';
import type { World } from './world.ts';

type Link = {
  appId: AppId;
  userId: UserId;
  /** Whose account at Withings it is. */
  person: string;
  policy: 'open' | 'session';
  claimId: string;
};

/** Consent, exchange, and the connection: what the callback does once it has claimed its state. */
export const linkAccount = async (
  { simulator }: World,
  deps: Deps,
  { person, policy, claimId, ...pair }: Link,
): Promise<void> => {
  const { people, codes } = simulator.state;
  const granted = await deps.withings.reserve({ share: 'link' }, 1);
  if (!granted.ok) return;
  const current = await currentConnection(deps.db, pair);
  const userid = people.find(person)?.userid ?? 0;
  const code = secret(
    codes.issue({ clientId: CLIENT_ID, userid, scopes: ['user.metrics'], redirectUri: CALLBACK_URL }),
  );
  const grant = await deps.withings.exchangeCode(granted.value, { code, redirectUri: CALLBACK_URL });
  if (!grant.ok) return;
  const kept = {
    ...pair,
    policy,
    kind: policy,
    historyOnConnect: 'all',
    sameBrowser: true,
    isDemo: false,
    grant: grant.value,
    scope: ['user.metrics'],
    claim: { id: claimId, expiresAt: START + 1e12 },
  } as const;
  await storeGrant(deps, kept, current.ok ? current.value : undefined);
};
