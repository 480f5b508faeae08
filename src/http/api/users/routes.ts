import { Hono } from 'hono';

import { eraseUser } from '../../../broker/users/erase-user.ts';
import { exportUser } from '../../../broker/users/export-user.ts';
import type { HttpEnv } from '../../context.ts';
import { answerFailure } from '../../problem.ts';
import { forPerson } from '../admission/admit-user.ts';
import { valid } from '../validate.ts';
import { exportCursor, exportQuery } from './contract.ts';
import { renderErasure, renderExport } from './render.ts';

/**
 * Exports and erases a user. For the app's backend when a person asks (erasing needs a key with `manage-links`,
 * exporting one with `read`), and for managers of the app.
 */
export const usersApi = new Hono<HttpEnv>();

/** Everything that is stored about a user, as JSON, a page at a time. */
usersApi.get('/:user_id/export', forPerson('read', { userTokens: false }), valid('query', exportQuery), async (c) => {
  const { cursor } = c.req.valid('query');
  const { by, ...user } = c.get('person');
  const page = await exportUser(c.get('deps'), by, user, cursor);
  if (!page.ok) return answerFailure(c, page.failure);
  const { next } = page.value;
  return c.json(renderExport(user, page.value, next === undefined ? null : exportCursor.encode(next)));
});

/**
 * Erases a user, measurements included, and answers what was removed. 202 if there is more to remove: send it again.
 */
usersApi.delete('/:user_id', forPerson('manage-links', { userTokens: false }), async (c) => {
  const { by, ...user } = c.get('person');
  const erased = await eraseUser(c.get('deps'), by, user);
  if (!erased.ok) return answerFailure(c, erased.failure);
  return c.json(renderErasure(erased.value), erased.value.complete ? 200 : 202);
});
