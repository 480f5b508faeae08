import { expect, test } from 'vitest';

import { preferredType } from '../../src/http/accept.ts';

const ERRORS = ['application/problem+json', 'application/json', 'text/html'] as const;

test.each([
  [undefined, 'application/problem+json'],
  ['', 'application/problem+json'],
  ['*/*', 'application/problem+json'],
  ['text/html', 'text/html'],
  ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text/html'],
  ['TEXT/HTML', 'text/html'],
  ['text/*', 'text/html'],
  ['text/html, */*', 'text/html'],
  ['application/json, text/plain, */*', 'application/json'],
  ['application/json, text/html', 'application/json'],
  ['application/json;q=0.5, text/html;q=0.4', 'application/json'],
  ['text/html;q=0, */*', 'application/problem+json'],
  ['text/html;q=0', undefined],
  ['image/png', undefined],
  ['not a type', undefined],
])('of an error, a client that takes %s gets %s', (accept, type) => {
  expect(preferredType(accept, ERRORS)).toBe(type);
});
