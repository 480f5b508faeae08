#!/usr/bin/env node
import { group, or } from '@optique/core/constructs';
import { commandLine, lineBreak, type Message, message, text } from '@optique/core/message';
import { run } from '@optique/run';

import { appsCommand } from './commands/apps.ts';
import { doctorCommand } from './commands/doctor.ts';
import { healthCommand } from './commands/health.ts';
import { keysCommand, tokensCommand } from './commands/keys.ts';
import { accountsCommand, auditCommand } from './commands/operator.ts';
import { sessionCommands } from './commands/session.ts';
import { webhooksCommand } from './commands/webhooks.ts';
import { EXIT, isCliFailure } from './exit.ts';
import { printErr } from './output.ts';
import { hintAfter } from './usage-error.ts';
import { VERSION } from './version.ts';

/** `mushu` manages a Mushu Health broker by its HTTP API only. */
const parser = or(
  group('Signing in', or(...sessionCommands)),
  group('Apps and their users', or(appsCommand, keysCommand, healthCommand, webhooksCommand)),
  group('Who may do what', or(tokensCommand, accountsCommand, auditCommand)),
  group('When something is wrong', doctorCommand),
);

// A closed pipe (`| head -1`) is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.refused);
});

/** Commands to copy, one per line. */
const lines = (...commands: string[]): Message =>
  commands.flatMap((command, index) => [...(index === 0 ? [] : [lineBreak()]), commandLine(command)]);

const main = async (): Promise<void> => {
  const chosen = run(parser, {
    programName: 'mushu',
    version: VERSION,
    help: 'both',
    completion: 'command',
    errorExitCode: EXIT.usage,
    aboveError: 'none',
    stderr: (error) =>
      printErr(`${error.replace(/^Error:/, 'mushu:')}\n${hintAfter(error, parser.usage, process.argv.slice(2))}`),
    ...(process.argv.length === 2 && { args: ['--help'] }),
    showChoices: true,
    brief: message`Manages the apps of a Mushu Health broker.`,
    usageLine: [
      { type: 'argument', metavar: 'COMMAND' },
      { type: 'optional', terms: [{ type: 'argument', metavar: 'OPTIONS' }] },
    ],
    examples: lines(
      'mushu login --url https://broker.example.com',
      'mushu apps create Womoji',
      'mushu health redirect-uri add womoji://withings/success --app APP',
      'mushu health link ada --redirect-uri womoji://withings/success --app APP --qr',
      'mushu health metrics ada --app APP --metric weight,bmi',
    ),
    footer: message`${text('mushu COMMAND --help')} explains a command, with an example. ${text('--json')} prints every list and answer for programs.${lineBreak()}Exit codes: 0 done, 1 refused or a check failed, 2 wrong usage, 3 not signed in or not allowed, 4 not found, 5 no broker reached, 6 try later.`,
  });
  try {
    await chosen();
  } catch (error) {
    if (!isCliFailure(error)) throw error;
    printErr([`mushu: ${error.message}`, ...(error.remedy === undefined ? [] : [error.remedy])].join('\n'));
    process.exitCode = error.exitCode;
  }
};

await main();
