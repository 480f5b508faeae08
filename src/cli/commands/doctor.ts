import { message } from '@optique/core/message';
import { command } from '@optique/core/primitives';

import { runChecks } from '../checks.ts';
import { EXIT } from '../exit.ts';
import { chosenBroker, common, example, runs } from '../options.ts';
import { bad, good, show } from '../output.ts';

export const doctorCommand = command(
  'doctor',
  runs(common, async ({ json, ...target }) => {
    const checks = await runChecks(chosenBroker(target), Date.now);
    show(json, checks, () =>
      checks
        .map(({ check, ok, found, todo }) =>
          [
            `${ok ? good('ok ') : bad('bad')} ${check.padEnd(10)} ${found}`,
            ...(todo === undefined ? [] : [`    → ${todo}`]),
          ].join('\n'),
        )
        .join('\n'),
    );
    if (checks.some(({ ok }) => !ok)) process.exitCode = EXIT.refused;
  }),
  {
    brief: message`Check URL, what Withings and phones reach, clock, token, cron, credentials, keyring and migrations.`,
    ...example('mushu doctor'),
  },
);
