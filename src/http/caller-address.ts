import type { HttpContext } from './context.ts';

/**
 * Who is calling, coarsely: Cloudflare's own header and no other, since clients can send the rest; an IPv6 address as its /64, which is one
 * household. Undefined on a developer's machine, where everything comes from one address.
 */
export const callerAddress = (c: HttpContext): string | undefined => {
  const address = c.req.header('CF-Connecting-IP');
  if (address === undefined || address === '127.0.0.1' || address === '::1') return undefined;
  return address.includes(':') ? network(address) : address;
};

/** The /64 of an IPv6 address. `::` stands for as many zeros as are left out. */
const network = (address: string): string => {
  const [before = [], after = []] = address.split('::').map((part) => part.split(':'));
  const zeros = Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0');
  return [...before, ...zeros, ...after].slice(0, 4).join(':');
};
