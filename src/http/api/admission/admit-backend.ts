import { admitBackend } from '../../../broker/access/authenticate.ts';
import type { KeyScope } from '../../../domain/app.ts';
import { admission, appIdOf } from './admission.ts';
import { appCredential } from './credentials.ts';

/** Admits the app's key with this scope, or a manager of the app. Sets `backend`. */
export const forBackend = (scope: KeyScope) =>
  admission('backend', (c) => admitBackend(c.get('deps'), appCredential(c), { appId: appIdOf(c), scope }));
