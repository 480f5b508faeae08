import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

/** Asks the person at the terminal; the answer, or undefined if it is empty or the input ended. */
export type Ask = (question: string, options?: { hidden?: boolean }) => Promise<string | undefined>;

/** Asks on these streams. A hidden answer is not echoed. */
export const askOn =
  (input: NodeJS.ReadableStream, output: NodeJS.WritableStream): Ask =>
  async (question, { hidden = false } = {}) => {
    const shown = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        if (!hidden) output.write(chunk);
        done();
      },
    });
    const terminal = createInterface({ input, output: shown, terminal: true });
    const closed = new AbortController();
    terminal.once('close', () => closed.abort());
    // readline takes Ctrl-C while it reads: pass it on.
    terminal.once('SIGINT', () => {
      terminal.close();
      process.kill(process.pid, 'SIGINT');
    });
    output.write(`${question} `);
    try {
      return (await terminal.question('', { signal: closed.signal })).trim() || undefined;
    } catch (error) {
      if (closed.signal.aborted) return undefined;
      throw error;
    } finally {
      terminal.close();
      if (hidden) output.write('\n');
    }
  };
