#!/usr/bin/env node
import { commandLine, lineBreak, type Message, message, text } from '@optique/core/message';
import { run } from '@optique/run';

import { EXIT, isCliFailure } from './exit.ts';
import { printErr } from './output.ts';
import { parser } from './parser.ts';
import { hintAfter } from './usage-error.ts';
import { VERSION } from './version.ts';

// A closed pipe (`| head -1`) is not an error. The command ends by itself, so that it can clean up.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') process.exitCode = EXIT.refused;
  });
}

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
