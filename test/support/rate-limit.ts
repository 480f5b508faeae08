const MINUTE_MS = 60_000;

/** A rate limit binding as Cloudflare's: so many a minute and a key. */
export const limitedTo = (most: number, now: () => number): RateLimit => {
  const windows = new Map<string, { count: number; since: number }>();
  return {
    limit: async ({ key }) => {
      const open = windows.get(key);
      const window = open === undefined || now() - open.since >= MINUTE_MS ? { count: 0, since: now() } : open;
      window.count += 1;
      windows.set(key, window);
      return { success: window.count <= most };
    },
  };
};
