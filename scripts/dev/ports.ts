import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

import { userError } from '../user-error.ts';

/** Every local server listens here, and nowhere else without `--host`. */
export const LOCALHOST = '127.0.0.1';

/** A port, and why it is not the usual one. */
export type ChosenPort = { port: number; note?: string };

/**
 * Chooses a port: the requested one (0: any free one), otherwise the usual one, or a free one if that is taken.
 *
 * @param what the server's name, for an error or a note
 * @param wanted the value of `flag`, if it was given
 * @param chosen the ports of other servers that do not listen yet
 */
export const choosePort = async (
  what: string,
  {
    flag,
    wanted,
    usual,
    chosen = [],
  }: { flag: string; wanted: string | undefined; usual: number; chosen?: readonly number[] },
): Promise<ChosenPort> => {
  if (wanted !== undefined) {
    const port = Number(wanted);
    if (!/^\d{1,5}$/.test(wanted) || port > 65_535) throw userError(`${flag} takes a port from 0 to 65535.`);
    if (port !== 0 && chosen.includes(port)) {
      throw userError(
        `${what} cannot listen on port ${port}: another part is to listen there. Choose another with ${flag}.`,
      );
    }
    const free = await freePort(port, chosen);
    if (free === undefined)
      throw userError(`${what} cannot listen on port ${port}: it is taken. Choose another with ${flag}.`);
    return { port: free };
  }
  const free = await freePort(usual, chosen);
  if (free !== undefined) return { port: free };
  const other = await freePort(0, chosen);
  if (other === undefined) throw userError(`${what} finds no free port on ${LOCALHOST}.`);
  return { port: other, note: `Port ${usual} is taken, so ${what} listens on ${other}.` };
};

/**
 * Where a free port is looked for. Systems take the ports of connections from above (Linux from 32768, others from
 * 49152). One of those could be taken again before anything listens on it.
 */
const FROM_PORT = 20_000;
const TO_PORT = 32_768;
const ATTEMPTS = 100;

/** The port itself, or for 0 a free one; undefined if it is taken or not permitted. */
const freePort = async (port: number, chosen: readonly number[]): Promise<number | undefined> => {
  if (port !== 0) return !chosen.includes(port) && (await isFree(port)) ? port : undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const any = randomInt(FROM_PORT, TO_PORT);
    if (!chosen.includes(any) && (await isFree(any))) return any;
  }
  return undefined;
};

const isFree = async (port: number): Promise<boolean> => {
  const probe = createServer();
  try {
    probe.listen(port, LOCALHOST);
    await once(probe, 'listening');
    probe.close();
    await once(probe, 'close');
    return true;
  } catch {
    return false;
  }
};
