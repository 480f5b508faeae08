import { mintCredential } from '../src/crypto/credential.ts';

/** A token that the configuration takes; nothing asks for it here. */
export const mintOperatorToken = (): Promise<string> =>
  mintCredential('operator', (size) => crypto.getRandomValues(new Uint8Array(size)));
