import type { Broker } from '../client/send.ts';
import type { Check } from './check.ts';
import { printable } from './output.ts';

/**
 * Checks that requests reach the Worker as Withings and phones send them. A zone's security settings may answer in
 * place of it: docs/deploying.md, "The host".
 */

/** What answered in place of the broker, and what to do about it. */
type Obstacle = { found: string; todo: string };

const CHALLENGED =
  'A security setting of the zone challenges it, and only a browser passes that. Turn off Bot Fight Mode, Browser Integrity Check and Under Attack Mode for this host, or exempt it from the WAF rule that Security, Events names.';
const REDIRECTED =
  'Withings and apps do not follow it. Remove the redirect rule for this host, or give mushu the address that it leads to and set PUBLIC_URL to it.';
const ANOTHER_PROGRAM =
  'Something before the Worker answers. Error 1010 or 1020 is a block by Browser Integrity Check or a WAF rule: Security, Events names it. Otherwise the route of this host does not lead to the Worker.';

/** Reads it from an answer that should be the broker's; undefined if it is. */
const obstacleIn = ({ status, headers }: Response): Obstacle | undefined => {
  if (headers.get('cf-mitigated') === 'challenge') {
    return { found: `${status}, a challenge of Cloudflare`, todo: CHALLENGED };
  }
  const location = headers.get('Location');
  if (location !== null) return { found: `${status}, a redirect to ${printable(location)}`, todo: REDIRECTED };
  // Every answer of the broker has this header.
  if (headers.has('X-Request-Id')) return undefined;
  const isPage = headers.get('Content-Type')?.startsWith('text/html') === true;
  return {
    found: `${status}, ${isPage ? 'an HTML page' : 'an answer'} that is not the broker's`,
    todo: ANOTHER_PROGRAM,
  };
};

type Probe = {
  check: string;
  method: 'HEAD' | 'GET' | 'POST';
  path: string;
  headers?: Record<string, string>;
  body?: string;
  /** The status that the broker answers with. */
  wanted: number;
  todo: string;
};

const PROBES: readonly Probe[] = [
  {
    check: 'callback',
    method: 'HEAD',
    path: '/withings/callback',
    wanted: 200,
    todo: 'Withings probes it with HEAD and expects 200. Route it to the Worker.',
  },
  {
    check: 'notify',
    method: 'HEAD',
    path: '/withings/notify/doctor',
    wanted: 200,
    todo: 'Withings probes it with HEAD when it is subscribed, and expects 200. Route it to the Worker.',
  },
  {
    check: 'phone',
    method: 'POST',
    path: '/apps/doctor/withings/sync/doctor',
    // What URLSession sends, without a credential: the broker refuses it before it asks its database.
    headers: {
      'User-Agent': 'Doctor/1 CFNetwork/1568.300.101 Darwin/24.2.0',
      Accept: '*/*',
      'Accept-Language': 'en-GB,en;q=0.9',
      'Content-Type': 'application/json',
    },
    body: '{}',
    wanted: 401,
    todo: 'A request without a credential is answered with 401. Route all paths of this host to the Worker.',
  },
];

/** One check for each way in: Withings' two probes, and a request of a phone. */
export const checkFromOutside = (broker: Broker): Promise<Check[]> =>
  Promise.all(PROBES.map((probe) => tryProbe(broker, probe)));

/** What keeps the broker's health from being read, if something answers in place of it. */
export const obstacleBefore = async (broker: Broker): Promise<Obstacle | undefined> => {
  const answer = await ask(broker, { method: 'GET', path: '/healthz' });
  const obstacle = answer && obstacleIn(answer);
  return obstacle?.todo === ANOTHER_PROGRAM ? undefined : obstacle;
};

const tryProbe = async (broker: Broker, probe: Probe): Promise<Check> => {
  const { check, path, wanted, todo } = probe;
  const { href } = new URL(path, broker.url);
  const answer = await ask(broker, probe);
  const obstacle = answer && obstacleIn(answer);
  if (obstacle !== undefined) {
    return { check, ok: false, found: `${href} answers ${obstacle.found}`, todo: obstacle.todo };
  }
  if (answer?.status === wanted) return { check, ok: true, found: href };
  return { check, ok: false, found: `${href} answers ${answer?.status ?? 'nothing'}`, todo };
};

/** Asks once; undefined if nothing answers. */
const ask = async (
  { url, fetch: send = fetch }: Broker,
  { method, path, headers = {}, body }: Pick<Probe, 'method' | 'path' | 'headers' | 'body'>,
): Promise<Response | undefined> => {
  const answer = await send(new URL(path, url), {
    method,
    headers,
    redirect: 'manual',
    ...(body !== undefined && { body }),
  }).catch(() => undefined);
  await answer?.body?.cancel();
  return answer;
};
