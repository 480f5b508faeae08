import { backendOf } from '../../broker/access/admit-backend.ts';
import { mintConnectSession } from '../../broker/link/mint-connect-session.ts';
import type { Failure } from '../../domain/failure.ts';
import { ok, type Result } from '../../domain/result.ts';
import { secret, type Secret } from '../../domain/secret.ts';
import { publicUrl } from '../public-url.ts';
import type { DashboardContext } from './context.ts';

/** A single-use link for a user, made by a manager of the app. */
export const linkFor = async (
  c: DashboardContext,
  link: Parameters<typeof mintConnectSession>[2],
  query: Readonly<Record<string, string>> = {},
): Promise<Result<Secret, Failure>> => {
  const backend = backendOf(c.get('managed'));
  if (!backend.ok) return backend;
  const minted = await mintConnectSession(c.get('deps'), backend.value, link);
  if (!minted.ok) return minted;
  const parameters = new URLSearchParams({ session: minted.value.session.reveal(), ...query });
  return ok(secret(`${publicUrl(c)}/apps/${c.get('app').id}/withings/auth?${parameters.toString()}`));
};
