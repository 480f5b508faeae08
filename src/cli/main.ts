#!/usr/bin/env node
import { or } from '@optique/core/constructs';
import { message } from '@optique/core/message';
import { run } from '@optique/run';

import { appsCommand } from './commands/apps.ts';
import { doctorCommand } from './commands/doctor.ts';
import { healthCommand } from './commands/health.ts';
import { keysCommand, tokensCommand } from './commands/keys.ts';
import { accountsCommand, auditCommand } from './commands/operator.ts';
import { sessionCommands } from './commands/session.ts';
import { EXIT, isCliFailure } from './exit.ts';
import { remark } from './output.ts';
import { VERSION } from './version.ts';

/** `mushu`: manages a Mushu Health broker over its HTTP API, and knows nothing else of it. */
const parser = or(
  ...sessionCommands,
  appsCommand,
  keysCommand,
  healthCommand,
  tokensCommand,
  accountsCommand,
  auditCommand,
  doctorCommand,
);

// A reader that has seen enough (`| head -1`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.refused);
});

const main = async (): Promise<void> => {
  const chosen = run(parser, {
    programName: 'mushu',
    version: VERSION,
    help: 'both',
    completion: 'both',
    errorExitCode: EXIT.usage,
    aboveError: 'none',
    brief: message`Manages the apps of a Mushu Health broker.`,
    footer: message`Exit codes: 0 done, 1 refused or a check failed, 2 wrong usage, 3 not signed in or not allowed, 4 not found, 5 no broker reached, 6 try later.`,
  });
  try {
    await chosen();
  } catch (error) {
    if (!isCliFailure(error)) throw error;
    remark(`mushu: ${error.message}`);
    process.exitCode = error.exitCode;
  }
};

await main();
