import { object } from '@optique/core/constructs';
import { message } from '@optique/core/message';
import { map } from '@optique/core/modifiers';
import { command } from '@optique/core/primitives';

import { runChecks } from '../checks.ts';
import { EXIT } from '../exit.ts';
import { chosenBroker, common, example, type Run } from '../options.ts';
import { bad, good, show } from '../output.ts';

export const doctorCommand = command(
  'doctor',
  map(object(common), ({ json, ...target }): Run => async () => {
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
