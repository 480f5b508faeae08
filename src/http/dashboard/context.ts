import type { Context } from 'hono';

import type { ManagedApp } from '../../broker/access/admit-manager.ts';
import type { PersonRequest } from '../../broker/access/authenticate.ts';
import type { Session } from '../../broker/access/dashboard-session.ts';
import type { Principal } from '../../domain/account.ts';
import type { App } from '../../domain/app.ts';
import type { HttpEnv } from '../context.ts';

/** What the dashboard's handlers have at hand besides: who is signed in, and the token that their forms carry. */
export type DashboardEnv = {
  Bindings: HttpEnv['Bindings'];
  Variables: HttpEnv['Variables'] & {
    session: Session;
    manager: Principal;
    formToken: string;
    /** The app that the path names, in their hands; set where it names one, after it was found that it is theirs. */
    managed: ManagedApp;
    app: App;
    /** The user that the path names, likewise: for what is theirs to ask. */
    person: PersonRequest;
  };
};

export type DashboardContext = Context<DashboardEnv>;
