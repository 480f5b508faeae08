import { Hono } from 'hono';

import { admitBackend } from '../../../broker/access/authenticate.ts';
import { eraseUser } from '../../../broker/users/erase-user.ts';
import { exportUser } from '../../../broker/users/export-user.ts';
import type { KeyScope } from '../../../domain/app.ts';
import type { Actor } from '../../../domain/audit.ts';
import type { Failure } from '../../../domain/failure.ts';
import { fail, ok, type Result } from '../../../domain/result.ts';
import { parseUserId } from '../../../domain/user-id.ts';
import type { HttpContext, HttpEnv } from '../../context.ts';
import { answerFailure } from '../../problem.ts';
import { appCredential } from '../credentials.ts';
import { valid } from '../validate.ts';
import { exportQuery } from './contract.ts';
import { exportCursor, readExportCursor } from './cursor.ts';
import { renderErasure, renderExport } from './render.ts';

/**
 * All of a user: handed out, and erased. For the app's backend, when a person asks (a key that may manage links erases, one that may read
 * exports), and for who manages the app.
 */
export const usersApi = new Hono<HttpEnv>();

/** Everything that is stored about a user, as JSON, a page at a time. */
usersApi.get('/:user_id/export', valid('query', exportQuery), async (c) => {
  const admitted = await admit(c, 'read');
  if (!admitted.ok) return answerFailure(c, admitted.failure);
  const { cursor } = c.req.valid('query');
  const from = cursor === undefined ? undefined : readExportCursor(cursor);
  if (cursor !== undefined && from === undefined) {
    return answerFailure(c, { kind: 'invalid_parameter', parameter: 'cursor', detail: 'It is not one of ours.' });
  }
  const { by, ...user } = admitted.value;
  const page = await exportUser(c.get('deps'), by, user, from);
  if (!page.ok) return answerFailure(c, page.failure);
  const { next } = page.value;
  return c.json(renderExport(user, page.value, next === undefined ? null : exportCursor(next)));
});

/** Erases a user, measurements included, and says what was removed. 202 while there is more to remove: send it again. */
usersApi.delete('/:user_id', async (c) => {
  const admitted = await admit(c, 'manage-links');
  if (!admitted.ok) return answerFailure(c, admitted.failure);
  const { by, ...user } = admitted.value;
  const erased = await eraseUser(c.get('deps'), by, user);
  if (!erased.ok) return answerFailure(c, erased.failure);
  return c.json(renderErasure(erased.value), erased.value.complete ? 200 : 202);
});

type AdmittedToUser = { appId: string; userId: string; by: Actor };

const admit = async (c: HttpContext, scope: KeyScope): Promise<Result<AdmittedToUser, Failure>> => {
  const appId = c.req.param('app_id') ?? '';
  const userId = parseUserId(c.req.param('user_id') ?? '');
  if (!userId.ok) return fail({ kind: 'invalid_parameter', parameter: 'user_id', detail: userId.failure.detail });
  const admitted = await admitBackend(c.get('deps'), appCredential(c), { appId, scope });
  return admitted.ok ? ok({ ...admitted.value, userId: userId.value }) : admitted;
};
