import { group, or } from '@optique/core/constructs';

import { appsCommand } from './commands/apps.ts';
import { doctorCommand } from './commands/doctor.ts';
import { healthCommand } from './commands/health.ts';
import { keysCommand, tokensCommand } from './commands/keys.ts';
import { accountsCommand, auditCommand } from './commands/operator.ts';
import { sessionCommands } from './commands/session.ts';
import { webhooksCommand } from './commands/webhooks.ts';

/** `mushu` manages a Mushu Health broker by its HTTP API only. */
export const parser = or(
  group('Signing in', or(...sessionCommands)),
  group('Apps and their users', or(appsCommand, keysCommand, healthCommand, webhooksCommand)),
  group('Who may do what', or(tokensCommand, accountsCommand, auditCommand)),
  group('When something is wrong', doctorCommand),
);
