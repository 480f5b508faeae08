import { userError } from '../user-error.ts';
import type { DevOptions } from './dev-options.ts';
import { LOCALHOST } from './ports.ts';
import { originOf, type Reach } from './reach.ts';
import { SIMULATED_CLIENT } from './simulated-withings.ts';
import type { Withings } from './worker.ts';

/** As in wrangler.toml. */
const REAL_API_URL = 'https://wbsapi.withings.net';
const REAL_LOGIN_URL = 'https://account.withings.com';

/** The simulated Withings, on this port. */
export const simulatedWithings = ({ clientId, clientSecret }: DevOptions, reach: Reach, port: number): Withings => ({
  // The Worker asks it on this machine, and a browser where it is.
  apiUrl: `http://${LOCALHOST}:${port}`,
  loginUrl: originOf(reach, port),
  clientId: clientId ?? SIMULATED_CLIENT.clientId,
  clientSecret: clientSecret ?? SIMULATED_CLIENT.clientSecret,
  kind: 'simulated',
});

/** The real Withings or another one; undefined for the simulated one. */
export const otherWithings = ({ real, upstream, clientId, clientSecret }: DevOptions): Withings | undefined => {
  if (real) {
    if (upstream !== undefined) throw userError('--withings and --upstream name two. Give one.');
    if (clientId === undefined || clientSecret === undefined) {
      throw userError(
        'The real Withings needs your client: --client-id and --client-secret, or WITHINGS_CLIENT_ID and WITHINGS_CLIENT_SECRET.',
      );
    }
    return { apiUrl: REAL_API_URL, loginUrl: REAL_LOGIN_URL, clientId, clientSecret, kind: 'real' };
  }
  if (upstream === undefined) return undefined;
  const origin = parseUpstream(upstream);
  return {
    apiUrl: origin,
    loginUrl: origin,
    clientId: clientId ?? SIMULATED_CLIENT.clientId,
    clientSecret: clientSecret ?? SIMULATED_CLIENT.clientSecret,
    kind: 'upstream',
  };
};

/** The origin of another Withings. */
const parseUpstream = (upstream: string): string => {
  const url = URL.canParse(upstream) ? new URL(upstream) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.search !== '') {
    throw userError('--upstream takes an origin, such as http://127.0.0.1:9000.');
  }
  return url.origin;
};
