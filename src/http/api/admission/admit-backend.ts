import { admitBackend, admitReader } from '../../../broker/access/admit-backend.ts';
import type { KeyScope } from '../../../domain/app.ts';
import { admission, appIdOf } from './admission.ts';
import { appCredential } from './credentials.ts';

/** Admits the app's key with this scope, or a manager of the app. Sets `backend`. */
export const forBackend = (scope: KeyScope) =>
  admission('backend', (c) => admitBackend(c.get('deps'), appCredential(c), { appId: appIdOf(c), scope }));

/**
 * Admits the app's key with scope `read`, or a manager of the app, also if the app is disabled. A disabled app has to
 * be looked after. Sets `backend`.
 */
export const forReader = admission('backend', (c) => admitReader(c.get('deps'), appCredential(c), appIdOf(c)));
