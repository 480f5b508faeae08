import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  KeyObject,
  timingSafeEqual,
  webcrypto,
} from 'node:crypto';
import { setImmediate } from 'node:timers/promises';

/**
 * Makes Web Crypto compute where it is called instead of on Node's thread pool. The hop there and back costs ten times
 * what encrypting a token does, and is half of a schedule's time. The algorithms are OpenSSL's either way.
 */
export const computeInline = (): void => {
  const { subtle } = webcrypto;
  const digest = subtle.digest.bind(subtle);
  const encrypt = subtle.encrypt.bind(subtle);
  const decrypt = subtle.decrypt.bind(subtle);
  const sign = subtle.sign.bind(subtle);
  const verify = subtle.verify.bind(subtle);
  const deriveBits = subtle.deriveBits.bind(subtle);
  const replacements: Pick<
    webcrypto.SubtleCrypto,
    'digest' | 'encrypt' | 'decrypt' | 'sign' | 'verify' | 'deriveBits'
  > = {
    digest: async (algorithm, data) =>
      algorithm === 'SHA-256' ? bufferOf(createHash('sha256').update(bytesOf(data)).digest()) : digest(algorithm, data),
    encrypt: async (algorithm, key, data) => {
      if (!isGcm(algorithm)) return encrypt(algorithm, key, data);
      const cipher = createCipheriv('aes-256-gcm', secretOf(key), bytesOf(algorithm.iv));
      if (algorithm.additionalData !== undefined) cipher.setAAD(bytesOf(algorithm.additionalData));
      return bufferOf(Buffer.concat([cipher.update(bytesOf(data)), cipher.final(), cipher.getAuthTag()]));
    },
    decrypt: async (algorithm, key, data) => {
      if (!isGcm(algorithm)) return decrypt(algorithm, key, data);
      const sealed = bytesOf(data);
      const decipher = createDecipheriv('aes-256-gcm', secretOf(key), bytesOf(algorithm.iv));
      if (algorithm.additionalData !== undefined) decipher.setAAD(bytesOf(algorithm.additionalData));
      decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
      return bufferOf(Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]));
    },
    sign: async (algorithm, key, data) =>
      isHmacSha256(algorithm, key)
        ? bufferOf(createHmac('sha256', secretOf(key)).update(bytesOf(data)).digest())
        : sign(algorithm, key, data),
    verify: async (algorithm, key, signature, data) => {
      if (!isHmacSha256(algorithm, key)) return verify(algorithm, key, signature, data);
      const mac = createHmac('sha256', secretOf(key)).update(bytesOf(data)).digest();
      const shown = bytesOf(signature);
      return shown.length === mac.length && timingSafeEqual(mac, shown);
    },
    deriveBits: async (algorithm, key, length) =>
      isHkdfSha256(algorithm)
        ? hkdfSync('sha256', secretOf(key), bytesOf(algorithm.salt), bytesOf(algorithm.info), Number(length) / 8)
        : deriveBits(algorithm, key, Number(length)),
  };
  for (const [name, value] of Object.entries(replacements)) Object.defineProperty(subtle, name, { value });
};

/**
 * To be awaited now and then by what computes inline and so never pauses: Node frees what is only weakly referred to,
 * each request's time limit among it, in pauses alone.
 */
export const pause = async (): Promise<void> => setImmediate();

const TAG_BYTES = 16;

type Gcm = { name: 'AES-GCM'; iv: BufferSource; additionalData?: BufferSource };
const isGcm = (algorithm: unknown): algorithm is Gcm =>
  typeof algorithm === 'object' && algorithm !== null && 'name' in algorithm && algorithm.name === 'AES-GCM';

type Hkdf = { name: 'HKDF'; salt: BufferSource; info: BufferSource };
const isHkdfSha256 = (algorithm: unknown): algorithm is Hkdf =>
  typeof algorithm === 'object' && algorithm !== null && 'hash' in algorithm && algorithm.hash === 'SHA-256';

const isHmacSha256 = (algorithm: unknown, key: webcrypto.CryptoKey): boolean =>
  algorithm === 'HMAC' && 'hash' in key.algorithm && isSha256(key.algorithm.hash);
const isSha256 = (hash: unknown): boolean =>
  typeof hash === 'object' && hash !== null && 'name' in hash && hash.name === 'SHA-256';

const secrets = new WeakMap<webcrypto.CryptoKey, KeyObject>();
const secretOf = (key: webcrypto.CryptoKey): KeyObject => {
  const known = secrets.get(key) ?? KeyObject.from(key);
  secrets.set(key, known);
  return known;
};

const bytesOf = (data: BufferSource): Uint8Array =>
  ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);

const bufferOf = (bytes: Buffer): ArrayBuffer => Uint8Array.from(bytes).buffer;
