import { admitAppManager, admitManager, admitOperator } from '../../broker/access/admit-manager.ts';
import { admission } from './admission.ts';
import { managerCredential } from './credentials.ts';

/** The operator, or a developer. */
export const forManager = admission('manager', (c) => admitManager(c.get('deps'), managerCredential(c)));

/** The operator alone. */
export const forOperator = admission('manager', (c) => admitOperator(c.get('deps'), managerCredential(c)));

/** Whoever may manage the app that the path names. */
export const forApp = admission('managed', (c) =>
  admitAppManager(c.get('deps'), managerCredential(c), c.req.param('app_id') ?? ''),
);
