import { statusApi } from '../api/connections/status.ts';
import { oauth } from '../oauth.ts';
import { createPart } from './part.ts';

/** What people wait for, and `status`. */
export const links = createPart((part) => {
  part.route('/', oauth);
  part.route('/apps/:app_id/withings', statusApi);
});

// Hono builds the matchers of a router at its first match. Here that is ahead of an isolate's first request.
links.router.match('GET', '/');
