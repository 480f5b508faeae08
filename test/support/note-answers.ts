import { afterEach } from 'vitest';

import { takeAnswered } from './reference-check.ts';

/** Tells the reporter which answers of the API each test has seen. */
afterEach(({ task }) => {
  task.meta.answered = takeAnswered();
});

declare module 'vitest' {
  interface TaskMeta {
    answered?: string[];
  }
}
