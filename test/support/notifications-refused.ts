import { env } from 'cloudflare:workers';

import { HOUR_MS } from '../../src/domain/time.ts';
import { type Broker, connect, type TestApp } from './broker.ts';
import { addPerson } from './people.ts';

/** Withings refuses the callback of notifications, and takes it again. It calls back HTTPS on its own port only. */
export const notificationsRefused = ({ broker, app }: { broker: Broker; app: TestApp }) => {
  let people = 0;
  const setOrigin = (origin: string) =>
    env.DB.prepare('UPDATE subscriptions SET origin = ?1, due_at = 0, missing = NULL').bind(origin).run();
  return {
    begin: async () => {
      people += 1;
      broker.deploy({ NOTIFY_APPLI: '1' });
      addPerson(broker, `unreached-${people}`);
      await connect(broker, app, `unreached-${people}`, `unreached-${people}`);
      await setOrigin(`${broker.origin}:8443`);
    },
    look: () => broker.tick(),
    end: async () => {
      broker.advance(2 * HOUR_MS);
      await setOrigin(broker.origin);
    },
  };
};
