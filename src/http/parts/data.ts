import { changesApi } from '../api/changes/routes.ts';
import { connectionsApi } from '../api/connections/routes.ts';
import { metricsApi } from '../api/metrics/routes.ts';
import { usersApi } from '../api/users/routes.ts';
import { eventsApi } from '../api/webhooks/routes.ts';
import { notify } from '../notify.ts';
import { createPart } from './part.ts';

/** What apps ask about their users, and what Withings tells about them. */
export const data = createPart((part) => {
  part.route('/', notify);
  part.route('/apps/:app_id/withings', connectionsApi);
  part.route('/apps/:app_id/metrics', metricsApi);
  part.route('/apps/:app_id/changes', changesApi);
  part.route('/apps/:app_id/users', usersApi);
  part.route('/apps/:app_id/events', eventsApi);
});
