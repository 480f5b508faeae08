import { accountsApi } from '../api/accounts/routes.ts';
import { managementApi } from '../api/apps/routes.ts';
import { operatorApi } from '../api/operator/routes.ts';
import { webhooksApi } from '../api/webhooks/routes.ts';
import { health } from '../health.tsx';
import { createPart } from './part.ts';

/** The routes of managers and monitors. Every unknown path is answered here too, by a 404. */
export const management = createPart((part) => {
  part.route('/apps/:app_id/webhooks', webhooksApi);
  part.route('/operator', operatorApi);
  part.route('/', accountsApi);
  part.route('/', managementApi);
  part.route('/', health);
});
