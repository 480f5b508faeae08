/**
 * Tasks that run one at a time between two waits, in an order that is decided from outside: the same decisions give the
 * same run. A task waits at every effect on the outside (`turn`); what happens inside it in between, cryptography
 * included, is waited for.
 */
export type Task = {
  name: string;
  turn: () => Promise<void>;
  /** It was ended where it stood. */
  killed: boolean;
  /** KV has failed it. */
  kvFailed?: boolean;
};

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
  const waiting: { task: Task; go: () => void }[] = [];
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
          waiting.push({ task, go });
          stop();
        });
      const task: Task = { name, turn, killed: false };
      start();
      turn()
        .then(() => run(task))
        .catch((error: unknown) => errors.push(error))
        .finally(stop);
    },
    waiting: () => waiting.map(({ task }) => task.name),
    release: async (index) => {
      const [next] = waiting.splice(index, 1);
      if (next === undefined) return;
      start();
      next.go();
      await still.promise;
    },
    kill: (index) => {
      const [victim] = waiting.splice(index, 1);
      if (victim !== undefined) victim.task.killed = true;
    },
    errors,
  };
};
