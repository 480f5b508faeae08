import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';

import type { StateDir } from '../deploy/state-dir.ts';

/** The files of a restore under way, readable only by their owner. They hold sealed tokens and no measurement. */
export const savedIn = (stateDir: StateDir) => {
  const folder = stateDir.path('restore');
  const file = (name: string) => `${folder}/${name}`;
  const exported = async (name: string, exportTo: (file: string) => Promise<void>) => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    await exportTo(file('unfinished.sql'));
    chmodSync(file('unfinished.sql'), 0o600);
    renameSync(file('unfinished.sql'), file(name));
  };
  const read = (name: string) => readFileSync(file(name), 'utf8');
  return {
    folder,
    exists: () => existsSync(file('newer.sql')),
    save: async (exportTo: (file: string) => Promise<void>) => exported('newer.sql', exportTo),
    newer: () => read('newer.sql'),
    earlier: async (exportTo: (file: string) => Promise<void>) => {
      await exported('earlier.sql', exportTo);
      return read('earlier.sql');
    },
    write: (sql: string) => stateDir.writeText('restore/carry-over.sql', sql),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
};
