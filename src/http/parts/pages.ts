import { dashboard } from '../dashboard/app.tsx';
import { createPart } from './part.ts';

/** The dashboard. */
export const pages = createPart((part) => {
  // As it may be typed or bookmarked. Within the dashboard Hono cannot name this path.
  part.get('/dashboard/', (c) => c.redirect('/dashboard', 303));
  part.route('/dashboard', dashboard);
});
