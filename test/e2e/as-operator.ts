import type { Mushu } from './mushu.ts';
import { ready } from './shared.ts';

/** The environment in which `mushu` is the operator's. */
export const asOperator = { MUSHU_URL: ready.url, MUSHU_TOKEN: ready.admin_token };

/** A developer's token, made as the operator makes it. */
export const makeToken = async (
  run: Mushu['run'],
): Promise<{ account: string; id: string; env: Record<string, string> }> => {
  const account = await run(['accounts', 'create', 'Ada', '--json'], asOperator);
  const { id: accountId } = JSON.parse(account.out) as { id: string };
  const made = await run(['tokens', 'create', 'laptop', '--days', '1', '--account', accountId, '--json'], asOperator);
  const { id, token } = JSON.parse(made.out) as { id: string; token: string };
  return { account: accountId, id, env: { MUSHU_URL: ready.url, MUSHU_TOKEN: token } };
};
