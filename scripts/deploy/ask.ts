import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

/** Asks a person; the answer, or undefined where it is empty. */
export type Ask = (question: string, options?: { hidden?: boolean }) => Promise<string | undefined>;

/** Asks on these streams. A hidden answer is not shown while it is typed. */
export const askOn =
  (input: NodeJS.ReadableStream, output: NodeJS.WritableStream): Ask =>
  async (question, { hidden = false } = {}) => {
    const shown = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        if (!hidden) output.write(chunk);
        done();
      },
    });
    // From here on nothing that is typed is echoed but by us.
    const terminal = createInterface({ input, output: shown, terminal: true });
    output.write(`${question} `);
    try {
      const answer = (await terminal.question('')).trim();
      if (hidden) output.write('\n');
      return answer === '' ? undefined : answer;
    } finally {
      terminal.close();
    }
  };

/** For where nobody sits: every answer is empty. */
export const askNobody: Ask = async () => undefined;
