const MINUTE_MS = 60_000;

/** A rate limit binding as Cloudflare's: so many a minute and a key. Without a clock the minute does not end. */
export const limitedTo = (most: number, now = () => 0) => {
  const counts = new Map<string, number>();
  const since = new Map<string, number>();
  return {
    counts,
    limit: async ({ key = '' }: { key?: string }) => {
      if (now() - (since.get(key) ?? -Infinity) >= MINUTE_MS) {
        since.set(key, now());
        counts.set(key, 0);
      }
      const count = (counts.get(key) ?? 0) + 1;
      counts.set(key, count);
      return { success: count <= most };
    },
  };
};
