import { accountsApi } from '../api/accounts/routes.ts';
import { managementApi } from '../api/apps/routes.ts';
import { operatorApi } from '../api/operator/routes.ts';
import { webhooksApi } from '../api/webhooks/routes.ts';
import { health } from '../health.tsx';
import { createPart } from './part.ts';

/** What managers and monitors ask, and every path that is none. */
export const management = createPart((part) => {
  part.route('/apps/:app_id/webhooks', webhooksApi);
  part.route('/operator', operatorApi);
  part.route('/', accountsApi);
  part.route('/', managementApi);
  part.route('/', health);
});
