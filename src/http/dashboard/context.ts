import type { Context } from 'hono';

import type { Admitted } from '../../broker/authenticate.ts';
import type { Session } from '../../broker/dashboard-session.ts';
import type { App } from '../../domain/app.ts';
import type { HttpEnv } from '../context.ts';

/** What the dashboard's handlers have at hand besides: who is signed in, and the token that their forms carry. */
export type DashboardEnv = {
  Bindings: HttpEnv['Bindings'];
  Variables: HttpEnv['Variables'] & {
    session: Session;
    formToken: string;
    /** The app that the path names; set where it names one, after it was found that it is theirs. */
    app: App;
    /** The user that the path names, likewise. */
    user: Admitted;
  };
};

export type DashboardContext = Context<DashboardEnv>;
