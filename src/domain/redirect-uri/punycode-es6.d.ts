/**
 * The bare name `punycode` is a deprecated module of Node. This file of the npm package works in Node, Workers and
 * bundlers.
 */
declare module 'punycode/punycode.es6.js' {
  /** Throws a RangeError if `text` is malformed. */
  export const decode: (text: string) => string;
}
