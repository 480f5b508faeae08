import type { Guard } from './guard.ts';

const CALLBACK = ['test/http/callback-refused.test.ts'];
const ENDINGS = ['test/http/link-endings.test.ts', 'test/http/state-used-again.test.ts'];
const REDIRECT_URIS = ['test/http/redirect-uris.test.ts'];
const FINISH = 'src/broker/link/finish-link.ts';
const OAUTH = 'src/http/oauth.ts';

/** Where the answer of a link goes, and what is appended to it. */
export const REDIRECTS: readonly Guard[] = [
  {
    name: 'a user id is printable ASCII',
    threats: ['T4', 'T9'],
    file: 'src/domain/user-id.ts',
    find: String.raw`if (!/^[\x21-\x7e]+$/.test(value) || /[/\\?#%]/.test(value)) {`,
    replace: 'if (value === "") {',
    tests: ['test/domain/user-id.test.ts', 'test/http/auth-refused.test.ts'],
  },
  {
    name: 'an unregistered redirect URI is answered with a page',
    threats: ['T5', 'T6'],
    file: 'src/broker/link/start-link.ts',
    find: 'if (entry === undefined) return fail(await explainMismatch(deps, request.appId, redirectUri));',
    replace:
      'if (entry === undefined) return ok({ authorizeUrl: redirectUri, binding: "0".repeat(32), bindingSeconds: 1 });',
    tests: ['test/http/auth-refused.test.ts'],
  },
  {
    name: 'the redirect URI is looked up again at the callback',
    threats: ['T5'],
    file: FINISH,
    find: 'if (target === undefined || entry === undefined || target.disabledAt !== undefined) {',
    replace: 'if (target === undefined || target.disabledAt !== undefined) {',
    tests: CALLBACK,
  },
  {
    name: 'the words of an error are ours',
    threats: ['T6'],
    file: OAUTH,
    find: "  c.header('Location', location);",
    replace: "  c.header('Location', `${location}${query.get('error_description') ?? ''}`);",
    tests: ENDINGS,
  },
  {
    name: 'a parameter of a link is sent once',
    threats: ['T7'],
    file: OAUTH,
    find: 'if (value !== undefined && more.length === 0) return ok(value);',
    replace: 'if (value !== undefined) return ok(value);',
    tests: ['test/http/auth-refused.test.ts'],
  },
  {
    name: 'a state is sent once',
    threats: ['T7'],
    file: OAUTH,
    find: 'if (state === undefined || more.length > 0) return',
    replace: 'if (state === undefined) return',
    tests: CALLBACK,
  },
  {
    name: 'a code is sent once',
    threats: ['T7'],
    file: OAUTH,
    find: 'code === undefined || otherCodes.length > 0 ||',
    replace: 'code === undefined ||',
    tests: ENDINGS,
  },
  {
    name: 'parameters are appended to the query that is there',
    threats: ['T8', 'T18'],
    file: 'src/domain/redirect-uri/match.ts',
    find: "return `${registeredUri}${registeredUri.includes('?') ? '&' : '?'}${query}`;",
    replace: 'return `${registeredUri}?${query}`;',
    tests: ['test/domain/redirect-uri/match.test.ts', ...REDIRECT_URIS],
  },
  {
    name: 'nothing is added to the redirect URI of who is connected',
    threats: ['T18'],
    file: FINISH,
    find: '...(appState !== undefined && { state: appState }),',
    replace: '...(appState !== undefined && { state: appState }),\n    status: ending,',
    tests: ENDINGS,
  },
  {
    name: 'what is appended is percent-encoded',
    threats: ['T9'],
    file: 'src/domain/redirect-uri/match.ts',
    find: 'encodeURIComponent(text.toWellFormed())',
    replace: 'text',
    tests: ['test/domain/redirect-uri/match.test.ts', ...ENDINGS],
  },
  {
    name: 'a scheme without a period is warned of',
    threats: ['T11'],
    file: 'src/domain/redirect-uri/registration.ts',
    find: "scheme.includes('.') ? [] : ['scheme_without_period']",
    replace: '[]',
    tests: REDIRECT_URIS,
  },
  {
    name: 'loopback only where the app allows it',
    threats: ['T12'],
    file: 'src/domain/redirect-uri/match.ts',
    find: '(options.allowLoopback && registered === anyPort)',
    replace: 'registered === anyPort',
    tests: ['test/domain/redirect-uri/match.test.ts', ...REDIRECT_URIS],
  },
];
