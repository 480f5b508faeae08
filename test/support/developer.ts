import type { Broker } from './broker.ts';

/** A developer account with one access token, made by the operator. */
export type Developer = Awaited<ReturnType<typeof makeDeveloper>>;

export const makeDeveloper = async (broker: Broker, { expires_in_days: days = 90 } = {}) => {
  const account = await broker.manage('POST', '/accounts', { name: 'Developer' });
  const { id: accountId } = await account.json<{ id: string }>();
  const created = await broker.manage('POST', `/accounts/${accountId}/tokens`, {
    name: 'first',
    expires_in_days: days,
  });
  const { id: tokenId, token } = await created.json<{ id: string; token: string }>();
  const call = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    broker.request(path, {
      method,
      headers: {
        Authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  return { accountId, tokenId, token, call };
};
