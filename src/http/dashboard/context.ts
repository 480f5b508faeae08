import type { Context } from 'hono';

import type { ManagedApp } from '../../broker/access/admit-manager.ts';
import type { PersonRequest } from '../../broker/access/authenticate.ts';
import type { Session } from '../../broker/access/dashboard-session.ts';
import type { Principal } from '../../domain/account.ts';
import type { App } from '../../domain/app.ts';
import type { HttpEnv } from '../context.ts';

/** The dashboard's variables: the session, and the token for its forms. */
export type DashboardEnv = {
  Bindings: HttpEnv['Bindings'];
  Variables: HttpEnv['Variables'] & {
    session: Session;
    manager: Principal;
    formToken: string;
    /** The app in the path; set by `requireApp` after the ownership check. */
    managed: ManagedApp;
    app: App;
    /** The request of the user in the path, for what that user may ask. */
    person: PersonRequest;
  };
};

export type DashboardContext = Context<DashboardEnv>;
