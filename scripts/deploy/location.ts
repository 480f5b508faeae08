/**
 * Where the database runs, and the Worker beside it.
 *
 * Every route asks the primary of D1 at least once. So a Worker that runs near the user makes several trips across the
 * world for one request. D1 cannot move a primary later. Without a hint it runs near the machine that made it, which is
 * often a laptop or a CI runner.
 */
import * as z from 'zod';

import { userError } from '../user-error.ts';
import type { Cloudflare } from './cloudflare.ts';

/**
 * D1's location hints (https://developers.cloudflare.com/d1/configuration/data-location/), and the cloud region nearest
 * to each.
 */
const REGIONS: Record<string, string> = {
  weur: 'aws:eu-west-1',
  eeur: 'gcp:europe-central2',
  enam: 'aws:us-east-1',
  wnam: 'aws:us-west-2',
  apac: 'aws:ap-southeast-1',
  oc: 'aws:ap-southeast-2',
};

/** Withings is hosted in the European Union. */
export const DEFAULT_LOCATION = 'weur';

/** Throws a sentence if D1 has no such location hint. */
export const mustBeLocation = (text: string | undefined): void => {
  if (text !== undefined && !Object.hasOwn(REGIONS, text)) {
    throw userError(`The location is one of ${Object.keys(REGIONS).join(', ')}.`);
  }
};

const databaseInfo = z.object({ running_in_region: z.string().nullish(), jurisdiction: z.string().nullish() });

/**
 * Reads where the primary runs.
 *
 * @returns a location hint such as `weur`; undefined if Cloudflare names none, or one that this table lacks
 */
export const locationOfDatabase = async (
  cloudflare: Pick<Cloudflare, 'get'>,
  databaseId: string,
): Promise<string | undefined> => {
  const info = await cloudflare.get(`/d1/database/${databaseId}`, databaseInfo);
  const location = info.running_in_region?.toLowerCase() ?? '';
  return Object.hasOwn(REGIONS, location) ? location : undefined;
};

/** Reads the jurisdiction that the database is kept in; undefined if Cloudflare names none. */
export const jurisdictionOfDatabase = async (
  cloudflare: Pick<Cloudflare, 'get'>,
  databaseId: string,
): Promise<string | undefined> =>
  (await cloudflare.get(`/d1/database/${databaseId}`, databaseInfo)).jurisdiction ?? undefined;

/** The region of `[placement]` that runs the Worker beside a database there. */
export const regionBeside = (location: string | undefined): string | undefined => REGIONS[location ?? ''];
