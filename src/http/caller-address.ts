import { expandIPv6 } from 'hono/utils/ipaddr';

import type { RateLimitName } from '../broker/deps.ts';
import type { HttpContext } from './context.ts';

/**
 * Who is calling, coarsely: Cloudflare's own header and no other, since clients can send the rest; an IPv6 address as its /64, which is one
 * household. Undefined on a developer's machine, where everything comes from one address.
 */
export const callerAddress = (c: HttpContext): string | undefined => {
  const address = c.req.header('CF-Connecting-IP');
  if (address === undefined || address === '127.0.0.1' || address === '::1') return undefined;
  return address.includes(':') ? firstGroups(expandIPv6(address.toLowerCase()), 4) : address;
};

/** The first groups of an expanded IPv6 address, of 16 bits each. */
const firstGroups = (address: string, groups: number): string => address.split(':').slice(0, groups).join(':');

/**
 * Whether the caller's address may go on: by itself, and by the /48 that an IPv6 address is in, which anybody can rent with its 65,536
 * households.
 */
export const mayAddressPass = async (
  c: HttpContext,
  brake: Extract<RateLimitName, 'auth' | 'callback' | 'failed_credential'>,
): Promise<boolean> => {
  const address = callerAddress(c);
  if (address === undefined) return true;
  const deps = c.get('deps');
  if (!(await deps.mayPass(brake, address))) return false;
  return !address.includes(':') || deps.mayPass('network', `${brake} ${firstGroups(address, 3)}`);
};
