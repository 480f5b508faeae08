import { expect, test } from 'vitest';
import { experimental_getWranglerCommands } from 'wrangler';

import { named, WRANGLER } from '../support/documented-commands.ts';

/**
 * The commands of wrangler that pages show, held to what wrangler takes. They would reach Cloudflare, so no test runs
 * them.
 */

/** Wrangler's commands with the options that pages give them. */
const wranglerCommands = [
  ...Map.groupBy(
    named(WRANGLER).map((command) =>
      command.replace(/^npx wrangler /, '').replace(/ (?:[A-Z_]{3,}|mushu-health)\b/g, ''),
    ),
    (command) => command.replace(/ --.*/, ''),
  ),
].map(([name, used]) => [name, used.flatMap((command) => command.match(/(?<=--)[a-z-]+/g) ?? [])] as const);

test.each(wranglerCommands)('wrangler %s is a command with the options that it is given', (name, options) => {
  const { registry, globalFlags } = experimental_getWranglerCommands();
  const definition = name
    .split(' ')
    .reduce<Pick<typeof registry, 'definition' | 'subtree'> | undefined>(
      (node, word) => node?.subtree.get(word),
      registry,
    )?.definition;
  if (definition?.type !== 'command') throw new Error(`no command: ${JSON.stringify(definition)}`);
  expect(Object.keys({ ...definition.args, ...globalFlags })).toEqual(expect.arrayContaining(options));
});
