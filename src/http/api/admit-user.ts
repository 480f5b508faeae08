import { type AuthorizedRequest, admitForUser } from '../../broker/access/authenticate.ts';
import type { KeyScope } from '../../domain/app.ts';
import type { Failure } from '../../domain/failure.ts';
import { fail, type Result } from '../../domain/result.ts';
import { parseUserId } from '../../domain/user-id.ts';
import type { HttpContext } from '../context.ts';
import { appCredential } from './credentials.ts';

/** Admits a request whose path names an app and a user: by the app's key, or by that user's token. */
export const admitPath = (c: HttpContext, scope: KeyScope): Promise<Result<AuthorizedRequest, Failure>> =>
  admit(c, { scope, userTokens: true });

/** Admits a request whose path names an app and a user: by the app's key alone. */
export const admitPathByKey = (c: HttpContext, scope: KeyScope): Promise<Result<AuthorizedRequest, Failure>> =>
  admit(c, { scope, userTokens: false });

const admit = async (c: HttpContext, taken: { scope: KeyScope; userTokens: boolean }) => {
  const userId = parseUserId(c.req.param('user_id') ?? '');
  if (!userId.ok) {
    return fail({ kind: 'invalid_parameter', parameter: 'user_id', detail: userId.failure.detail } as const);
  }
  return admitForUser(c.get('deps'), appCredential(c), {
    appId: c.req.param('app_id') ?? '',
    userId: userId.value,
    ...taken,
  });
};
