import * as z from 'zod';

const count = z.int().min(1);

/**
 * What is known of Withings only by inference, or varies, is a switch. If the sources leave a choice, the default is
 * the reading that is hardest on a client.
 */
export const settingsSchema = z.strictObject({
  /** Groups on one page of getmeas. Not documented by Withings. */
  pageSize: count,
  /** `recorded`: newest date first, or oldest modified first for `lastupdate`; `reversed` the other way round. */
  order: z.enum(['recorded', 'reversed']),
  /** `updatetime` of getmeas: the moment of the answer (documented) or of the account's last change (recorded). */
  updatetime: z.enum(['now', 'last_change']),
  /** What the redirect carries when the person denies. */
  denial: z.enum(['access_denied', 'state_only']),
  missingState: z.enum(['accept', 'refuse']),
  /** Status of a wrong client id, secret or signature; 342 is the older published code. */
  badCredentialsStatus: z.union([z.literal(503), z.literal(342)]),
  /** `body` of an error answer: PHP encodes an empty one in several ways. */
  errorBody: z.enum(['object', 'array', 'null', 'absent']),
  /** Whether a 601 for repeated arguments says how long to wait, in `body.wait_seconds`. */
  tellWaitSeconds: z.boolean(),
  /** How long identical arguments are refused, in seconds; 188 was recorded after repeated tries. */
  sameArgumentsSeconds: z.int().min(0),
  /** Calls of one client in any 60 s. */
  callsPerMinute: count,
  /** How far the `timestamp` of getnonce may be off, in seconds. */
  timestampSkewSeconds: z.int().min(0),
  /** Whether a refresh ends the older access token at once instead of leaving it to its own expiry. */
  refreshKillsAccessToken: z.boolean(),
  /** Whether a person's new grant to a client ends the tokens of the older ones. */
  newGrantKillsOlder: z.boolean(),
  /**
   * Which callbacks of notifications are taken: HTTPS on a domain and the ports of the web, or any, on one's own
   * machine.
   */
  callbackUrls: z.enum(['published', 'any']),
  /** What a callback has to answer to HEAD. */
  headAnswer: z.enum(['2xx', '200']),
  /** Whether an empty POST follows that HEAD. */
  emptyPostAtSubscribe: z.boolean(),
  /** Whether subscribing again with equal arguments makes another subscription. */
  doubleSubscriptions: z.enum(['kept', 'merged']),
  /** How long a person's next `subscribe` is refused, in seconds. Not published; clients leave 5. */
  subscribeSpacingSeconds: z.int().min(0),
  /** Whether a person's new consent ends the subscriptions made before. */
  reconsentEndsSubscriptions: z.boolean(),
  /** Whether the end of a client's access to a person ends the subscriptions. */
  revokeEndsSubscriptions: z.boolean(),
  /** What `revoke` without `appli` ends: the person's subscriptions, or those of the callback. */
  revokeWithoutAppli: z.enum(['person', 'callback']),
  /**
   * When a subscription is cancelled: after 20 days without a delivery (current guide), or 4 failed pushes in a row
   * (older one).
   */
  cancelSubscriptions: z.enum(['20_days', '4_failures']),
  /**
   * What happens to new pushes: lost, sent so many times, so much later, or those that are due together in reverse
   * order.
   */
  pushesLost: z.boolean(),
  pushCopies: count,
  pushDelaySeconds: z.int().min(0),
  pushOrder: z.enum(['sent', 'reversed']),
});

export type Settings = z.infer<typeof settingsSchema>;

export const defaultSettings: Settings = {
  pageSize: 300,
  order: 'recorded',
  updatetime: 'now',
  denial: 'access_denied',
  missingState: 'accept',
  badCredentialsStatus: 503,
  errorBody: 'object',
  tellWaitSeconds: false,
  sameArgumentsSeconds: 10,
  callsPerMinute: 120,
  timestampSkewSeconds: 300,
  refreshKillsAccessToken: false,
  newGrantKillsOlder: false,
  callbackUrls: 'published',
  headAnswer: '2xx',
  emptyPostAtSubscribe: true,
  doubleSubscriptions: 'kept',
  subscribeSpacingSeconds: 5,
  reconsentEndsSubscriptions: false,
  revokeEndsSubscriptions: true,
  revokeWithoutAppli: 'person',
  cancelSubscriptions: '20_days',
  pushesLost: false,
  pushCopies: 1,
  pushDelaySeconds: 0,
  pushOrder: 'sent',
};
