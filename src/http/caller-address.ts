import { expandIPv6 } from 'hono/utils/ipaddr';

import type { RateLimitName } from '../broker/deps.ts';
import type { HttpContext } from './context.ts';

/**
 * The caller's address: only from Cloudflare's own header, since clients can send the others. An IPv6 address is
 * shortened to its /64, which is one household. Undefined on a developer's machine, where all requests have one
 * address.
 */
export const callerAddress = (c: HttpContext): string | undefined => {
  const address = c.req.header('CF-Connecting-IP');
  if (address === undefined || address === '127.0.0.1' || address === '::1') return undefined;
  return address.includes(':') ? firstGroups(expandIPv6(address.toLowerCase()), 4) : address;
};

/** The first groups of an expanded IPv6 address, of 16 bits each. */
const firstGroups = (address: string, groups: number): string => address.split(':').slice(0, groups).join(':');

/**
 * Whether the caller's address is within the rate limits: by itself, and by the /48 of an IPv6 address. Anyone can rent
 * a /48, which has room for 65,536 households.
 */
export const mayAddressPass = async (
  c: HttpContext,
  limit: Extract<RateLimitName, 'auth' | 'callback' | 'link_wait' | 'failed_credential'>,
): Promise<boolean> => {
  const address = callerAddress(c);
  if (address === undefined) return true;
  const deps = c.get('deps');
  if (!(await deps.mayPass(limit, address))) return false;
  return !address.includes(':') || deps.mayPass('network', `${limit} ${firstGroups(address, 3)}`);
};
