import * as z from 'zod';

import { mintCredential } from '../src/crypto/credential.ts';

export const secretsSchema = z.object({ keyring: z.string(), operatorToken: z.string() });

/** The broker's own secrets: the keyring and the operator's token. */
export type Secrets = z.infer<typeof secretsSchema>;

/** New secrets: a keyring of one key, and an operator's token. */
export const mintSecrets = async (): Promise<Secrets> => {
  const random = (size: number) => crypto.getRandomValues(new Uint8Array(size));
  const keyring = { current: 'k1', keys: { k1: Buffer.from(random(32)).toString('base64url') } };
  return { keyring: JSON.stringify(keyring), operatorToken: await mintCredential('operator', random) };
};
