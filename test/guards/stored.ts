import type { Guard } from './guard.ts';

const COMPARED = ['test/http/constant-time.test.ts'];

/** What a copy of the database is worth, and how secrets are compared. */
export const STORED: readonly Guard[] = [
  {
    name: 'tokens are sealed',
    threats: ['T27'],
    file: 'src/crypto/seal.ts',
    find: "return [jwe.protected, jwe.iv, jwe.ciphertext, jwe.tag].join('.');",
    replace: "return [jwe.protected, plaintext, jwe.ciphertext, jwe.tag].join('.');",
    tests: ['test/http/threats-stored.test.ts'],
  },
  {
    name: 'a disconnect forgets the tokens',
    threats: ['T27'],
    file: 'src/store/link/connections.ts',
    find: '  refreshTokenSealed: null,\n',
    replace: '',
    tests: ['test/http/threats-stored.test.ts'],
  },
  {
    name: 'a token is sealed to its row',
    threats: ['T28'],
    file: 'src/broker/tokens/sealed-tokens.ts',
    find: '  String(connectionId),\n',
    replace: '',
    tests: ['test/http/keyring-rotation.test.ts'],
  },
  {
    name: 'a token is sealed to its column',
    threats: ['T28'],
    file: 'src/broker/tokens/sealed-tokens.ts',
    find: '  field,\n];',
    replace: '];',
    tests: ['test/http/keyring-rotation.test.ts', 'test/crypto/seal.test.ts'],
  },
  {
    name: 'a nonce is random',
    threats: ['T29'],
    file: 'src/crypto/seal.ts',
    find: '    .encrypt(key);',
    replace: '    .setInitializationVector(new Uint8Array(12)).encrypt(key);',
    tests: ['test/crypto/seal.test.ts'],
  },
  {
    name: 'a missing key condemns nobody',
    threats: ['T30'],
    file: 'src/broker/tokens/access-token.ts',
    find: "if (opened.failure.kind === 'key_missing') return fail({ kind: 'sealing_key_missing' });",
    replace: '',
    tests: ['test/http/keyring-rotation.test.ts'],
  },
  {
    name: 'credentials are stored as hashes',
    threats: ['T34'],
    file: 'src/crypto/credential.ts',
    find: 'export const hashCredential = async (text: string): Promise<string> => hex(await sha256(text));',
    replace: 'export const hashCredential = async (text: string): Promise<string> => text;',
    tests: ['test/http/threats-stored.test.ts'],
  },
  {
    name: 'comparing looks at digests',
    threats: ['T35'],
    file: 'src/crypto/credential.ts',
    find: 'const [leftDigest, rightDigest] = await Promise.all([sha256(left), sha256(right)]);',
    replace:
      'if (left.length !== right.length) return false;\n  const [leftDigest, rightDigest] = await Promise.all([sha256(left), sha256(right)]);',
    tests: COMPARED,
  },
  {
    name: 'comparing looks at every byte',
    threats: ['T35'],
    file: 'src/crypto/credential.ts',
    find: 'difference |= byte ^ (rightDigest[index] ?? 0);',
    replace: 'if (byte !== rightDigest[index]) return false;',
    tests: COMPARED,
  },
  {
    name: 'the operator’s token is compared in constant time',
    threats: ['T35'],
    file: 'src/broker/access/admit-manager.ts',
    find: 'await constantTimeEqual(hash, deps.settings.operatorTokenHash)',
    replace: 'hash === deps.settings.operatorTokenHash',
    tests: COMPARED,
  },
  {
    name: 'the token of a form is compared in constant time',
    threats: ['T35'],
    file: 'src/broker/access/form-token.ts',
    find: 'constantTimeEqual(await formTokenOf(cookie), presented)',
    replace: '(await formTokenOf(cookie)) === presented',
    tests: COMPARED,
  },
  {
    name: 'the cookie of a link is compared in constant time',
    threats: ['T35'],
    file: 'src/broker/link/finish-link.ts',
    find: 'constantTimeEqual(await hashCredential(binding), record.binding)',
    replace: '(await hashCredential(binding)) === record.binding',
    tests: COMPARED,
  },
];
