import { admitAppManager, admitManager, admitOperator } from '../../../broker/access/admit-manager.ts';
import { admission, appIdOf } from './admission.ts';
import { managerCredential } from './credentials.ts';

/** Admits the operator or a developer. */
export const forManager = admission('manager', (c) => admitManager(c.get('deps'), managerCredential(c)));

/** Admits only the operator. */
export const forOperator = admission('manager', (c) => admitOperator(c.get('deps'), managerCredential(c)));

/** Admits a manager of the app in the path. */
export const forApp = admission('managed', (c) => admitAppManager(c.get('deps'), managerCredential(c), appIdOf(c)));
