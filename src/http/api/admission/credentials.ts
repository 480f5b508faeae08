import type { ManagerCredential } from '../../../broker/access/admit-manager.ts';
import type { AppCredential, Credential } from '../../../broker/access/caller.ts';
import type { Surface } from '../../../domain/audit.ts';
import { secret } from '../../../domain/secret.ts';
import { callerAddress } from '../../caller-address.ts';
import type { HttpContext } from '../../context.ts';

/**
 * The credential of an app's request: `X-API-Key`, or a bearer token. Never from the URL, because URLs are logged on
 * the way.
 */
export const appCredential = (c: HttpContext): AppCredential => ({
  presented: wrapped(c.req.header('X-API-Key')) ?? bearer(c),
  fromBrowser: c.req.header('Origin') !== undefined,
  surface: surfaceOf(c),
  address: callerAddress(c),
});

/** The credential of a management request. */
export const managerCredential = (c: HttpContext): ManagerCredential => ({
  presented: bearer(c),
  surface: surfaceOf(c),
  address: callerAddress(c),
});

/** A bearer token (RFC 6750, 2.1). */
const bearer = (c: HttpContext): Credential =>
  wrapped(/^Bearer +(\S+)$/i.exec(c.req.header('Authorization') ?? '')?.[1]);

const wrapped = (text: string | undefined): Credential => (text === undefined ? undefined : secret(text));

/** The channel of a management request, as the client reports it. */
const surfaceOf = (c: HttpContext): Surface =>
  (c.req.header('User-Agent') ?? '').startsWith('mushu-cli') ? 'cli' : 'api';
