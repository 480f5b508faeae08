import type { Deps } from '../broker/deps.ts';

/** The origin at which browsers and programs reach the broker. */
export const publicUrl = (c: { get: (key: 'deps') => Deps; req: { url: string } }): string =>
  c.get('deps').settings.publicUrl(c.req.url);

/** The command that installs `mushu`, of the version that runs here. */
export const installCommand = (origin: string): string => `npm install -g ${origin}/mushu.tgz`;

/** The hosts of this broker, which cannot be targets of redirects or webhooks. */
export const ownHosts = (c: Parameters<typeof publicUrl>[0]): string[] => [new URL(publicUrl(c)).host];
