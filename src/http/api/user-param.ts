import { type Admitted, admitForUser } from '../../broker/authenticate.ts';
import type { KeyScope } from '../../domain/app.ts';
import type { Failure } from '../../domain/failure.ts';
import { fail, type Result } from '../../domain/result.ts';
import { judgeUserId } from '../../domain/user-id.ts';
import type { HttpContext } from '../context.ts';
import { presentedKey } from './presented.ts';

/** Admits a request whose path names an app and a user. */
export const admitPath = (
  c: HttpContext,
  scope: KeyScope,
): Promise<Result<Admitted, Failure>> | Result<Admitted, Failure> => {
  const userId = judgeUserId(c.req.param('user_id') ?? '');
  if (!userId.ok) return fail({ kind: 'invalid_parameter', parameter: 'user_id', detail: userId.failure.detail });
  return admitForUser(c.env.deps, presentedKey(c), {
    appId: c.req.param('app_id') ?? '',
    userId: userId.value,
    scope,
  });
};
