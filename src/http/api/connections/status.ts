import { Hono } from 'hono';

import { isConnected } from '../../../broker/users/connection-state.ts';
import type { HttpEnv } from '../../context.ts';
import { forUser } from '../admission/admit-user.ts';

/** What apps ask most often, apart from the other routes, so that a new isolate builds few routes to answer it. */
export const statusApi = new Hono<HttpEnv>();

/** Whether the user is connected. Unknown users are not. */
statusApi.get('/status/:user_id', forUser('read'), (c) => c.json({ connected: isConnected(c.get('user')) }));
