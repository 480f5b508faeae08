/** The callbacks of clients: which URLs Withings takes, and what it sends there. */
import type { Settings } from '../settings.ts';
import type { SendPush } from './pushes.ts';

/** "Within a few seconds" for a push in the guide; for the check nothing is published. */
const TIMEOUT_MS = 5_000;
const MAX_URL_CHARACTERS = 255;

/** Reaches a callback, like `fetch`. */
export type Outgoing = (url: string, init: RequestInit) => Promise<Response>;

export type Callbacks = {
  /** Whether the URL may be a callback. */
  accepts: (callbackUrl: string) => boolean;
  /** Asks the callback with HEAD whether it is there. */
  check: (callbackUrl: string) => Promise<boolean>;
  push: SendPush;
};

/** HTTPS, a domain's name, and the ports of the web ("Subscribe" in the guide). */
const isPublished = ({ protocol, hostname, port }: URL): boolean =>
  protocol === 'https:' &&
  (port === '' || port === '80') &&
  hostname.includes('.') &&
  !/^[\d.]+$|^\[|(^|\.)localhost$/.test(hostname);

/** Reaches callbacks through `outgoing`, as the settings have it. */
export const createCallbacks = (settings: Settings, outgoing: Outgoing): Callbacks => {
  const statusOf = async (callbackUrl: string, init: RequestInit): Promise<number | null> => {
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const response = await outgoing(callbackUrl, { ...init, redirect: 'manual', signal });
      await response.body?.cancel();
      return response.status;
    } catch {
      return null;
    }
  };
  const push: SendPush = async (callbackUrl, fields) =>
    statusOf(callbackUrl, { method: 'POST', body: new URLSearchParams(fields) });
  return {
    accepts: (callbackUrl) =>
      callbackUrl.length <= MAX_URL_CHARACTERS &&
      /^https?:/.test(callbackUrl) &&
      URL.canParse(callbackUrl) &&
      (settings.callbackUrls === 'any' || isPublished(new URL(callbackUrl))),
    check: async (callbackUrl) => {
      const status = await statusOf(callbackUrl, { method: 'HEAD' });
      const isThere =
        status !== null && (settings.headAnswer === '200' ? status === 200 : status >= 200 && status < 300);
      // What comes of this one is not looked at.
      if (isThere && settings.emptyPostAtSubscribe) await push(callbackUrl, {});
      return isThere;
    },
    push,
  };
};
