import { dashboard } from '../dashboard/app.tsx';
import { createPart } from './part.ts';

/** The dashboard. */
export const pages = createPart((part) => {
  part.route('/dashboard', dashboard);
});
