import { makeApp, startBroker } from './broker.ts';
import { limitedTo } from './rate-limit.ts';

/** A broker whose rate limit bindings allow two requests, so that a third one is refused. */

export const startLimited = async (bindings: { DB?: D1Database } = {}) => {
  const rates = {
    AUTH_RATE: limitedTo(2),
    CALLBACK_RATE: limitedTo(2),
    NETWORK_RATE: limitedTo(4),
    FAILED_RATE: limitedTo(2),
    APP_RATE: limitedTo(2),
    USER_RATE: limitedTo(2),
    MANAGER_RATE: limitedTo(2),
  };
  const broker = await startBroker({ bindings: { ...rates, ...bindings } });
  const app = await makeApp(broker);
  const from = (address: string, path: string, headers: Record<string, string> = {}) =>
    broker.request(path, { headers: { 'CF-Connecting-IP': address, ...headers } });
  return { rates, broker, app, from };
};
