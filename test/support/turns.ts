/**
 * Tasks that run one at a time between two waits, in an order that is decided from outside: the same decisions give the same run. A task
 * waits at every effect on the outside (`turn`); what happens inside it in between, cryptography included, is waited for.
 */
export type Task = { name: string; turn: () => Promise<void> };

export type Turns = {
  spawn: (name: string, run: (task: Task) => Promise<void>) => void;
  /** Names of those who wait, in the order in which they came. */
  waiting: () => readonly string[];
  /** Lets one go on until it waits again or ends. */
  release: (index: number) => Promise<void>;
  /** Ends one where it stands: it never goes on. */
  kill: (index: number) => void;
  /** Failures of tasks, which are mistakes. */
  errors: readonly unknown[];
};

/** No tasks yet. */
export const createTurns = (): Turns => {
  const waiting: { name: string; go: () => void }[] = [];
  const errors: unknown[] = [];
  let running = 0;
  let still = Promise.withResolvers<void>();
  const stop = () => {
    running -= 1;
    if (running === 0) still.resolve();
  };
  const start = () => {
    if (running === 0) still = Promise.withResolvers<void>();
    running += 1;
  };
  return {
    spawn: (name, run) => {
      const turn = async () =>
        new Promise<void>((go) => {
          waiting.push({ name, go });
          stop();
        });
      start();
      turn()
        .then(() => run({ name, turn }))
        .catch((error: unknown) => errors.push(error))
        .finally(stop);
    },
    waiting: () => waiting.map(({ name }) => name),
    release: async (index) => {
      const [task] = waiting.splice(index, 1);
      if (task === undefined) return;
      start();
      task.go();
      await still.promise;
    },
    kill: (index) => {
      waiting.splice(index, 1);
    },
    errors,
  };
};
