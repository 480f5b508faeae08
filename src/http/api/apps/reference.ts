import { credentialPageQuery } from '../cursors/credential-cursor.ts';
import { ACCESS_TOKEN, body, empty, json, tagged, withEtag } from '../reference/operation.ts';
import * as schemas from '../schemas.ts';
import * as contract from './contract.ts';

const APP = {
  id: 'app_0123456789abcdef0123',
  name: 'Womoji',
  account_id: null,
  link_policy: 'open' as const,
  allow_loopback: false,
  refuse_browser_keys: false,
  shared_accounts: 'allow' as const,
  history_on_connect: 'all' as const,
  demo_account: false,
  disabled: false,
  created_at: '2026-06-01T08:00:00.000Z',
};
const KEY = {
  id: 'key_0123456789abcdef0123',
  name: 'backend',
  hint: 'a1b2',
  scopes: ['read' as const, 'sync' as const],
  created_at: '2026-06-01T08:00:00.000Z',
  last_used_at: null,
  revoked_at: null,
};
const REGISTERED = { uri: 'womoji://withings/success', warnings: [] };
const AUDIT_PAGE = {
  data: [
    {
      id: 'audit_0123456789abcdef0123',
      at: '2026-06-01T08:00:00.000Z',
      actor: 'operator',
      token_id: null,
      surface: 'cli',
      action: 'app.created',
      app_id: APP.id,
      account_id: null,
      subject: APP.id,
      detail: { name: 'Womoji' },
    },
  ],
  next_cursor: null,
};

/** Apps, their keys, their redirect URIs and their audit trail. */
export const MANAGEMENT_OPERATIONS = tagged('Management', ACCESS_TOKEN, [
  {
    id: 'createApp',
    method: 'post',
    path: '/apps',
    summary: 'Make an app',
    description: "A developer's app is their own. The operator may give it to an account.",
    problems: ['operator_only', 'not_found'],
    body: body(contract.createAppRequest, { name: 'Womoji' }),
    answers: [withEtag(json(201, 'The app.', contract.app, APP))],
  },
  {
    id: 'listApps',
    method: 'get',
    path: '/apps',
    summary: 'Your apps, in the order of their ids',
    query: schemas.pageQuery,
    answers: [json(200, 'A page of apps.', contract.appList, { data: [APP], next_cursor: null })],
  },
  {
    id: 'getApp',
    method: 'get',
    path: '/apps/{app_id}',
    summary: 'One app',
    answers: [withEtag(json(200, 'The app.', contract.app, APP))],
  },
  {
    id: 'updateApp',
    method: 'patch',
    path: '/apps/{app_id}',
    summary: "Change an app's settings",
    description:
      'What is left out stays. It takes effect at the next request. With `If-Match`, only if the app has not changed since you read it.',
    body: body(contract.updateAppRequest, { link_policy: 'confirm' }),
    answers: [withEtag(json(200, 'The app as it is now.', contract.app, { ...APP, link_policy: 'confirm' }))],
    problems: ['app_changed'],
  },
  {
    id: 'deleteApp',
    method: 'delete',
    path: '/apps/{app_id}',
    summary: 'Delete an app and everything of its users',
    description: 'Done a bounded part at a time: on 202 send the same request again.',
    answers: [
      json(202, 'There is more to delete.', contract.unfinishedDeletion, { complete: false }),
      empty(204, 'It is gone.'),
    ],
  },
  {
    id: 'createKey',
    method: 'post',
    path: '/apps/{app_id}/keys',
    summary: 'Make an API key',
    body: body(contract.createKeyRequest, { name: 'backend', scopes: ['read', 'sync'] }),
    answers: [json(201, 'The key: the only time it is seen.', contract.createdKey, { ...KEY, key: 'mushu_key_…' })],
    problems: ['too_many_keys'],
  },
  {
    id: 'listKeys',
    method: 'get',
    path: '/apps/{app_id}/keys',
    summary: "The app's keys, without the keys themselves",
    query: credentialPageQuery,
    answers: [json(200, 'A page of keys, the valid ones first.', contract.keyList, { data: [KEY], next_cursor: null })],
  },
  {
    id: 'revokeKey',
    method: 'delete',
    path: '/apps/{app_id}/keys/{key_id}',
    summary: 'Revoke an API key',
    answers: [empty(204, 'From the next request on, the key is refused.')],
    problems: ['not_found'],
  },
  {
    id: 'testRedirectUri',
    method: 'get',
    path: '/apps/{app_id}/redirect-uris/test',
    summary: 'What an authorization request with a redirect URI would meet',
    query: contract.redirectUriQuery,
    answers: [
      json(200, 'By the rule that decides there.', contract.redirectUriTest, {
        matches: false,
        registered: REGISTERED.uri,
        differences: ['case'],
        explanation:
          'The nearest registered URI is womoji://withings/success. Compared with it: upper and lower case differ.',
      }),
    ],
  },
  {
    id: 'registerRedirectUri',
    method: 'put',
    path: '/apps/{app_id}/redirect-uris',
    summary: 'Register a redirect URI',
    description: 'One spelling of a URI is accepted; others are refused with the reason, never repaired.',
    body: body(contract.redirectUriRequest, { uri: REGISTERED.uri }),
    answers: [
      json(200, 'It was registered already.', contract.registeredRedirectUri, REGISTERED),
      json(201, 'It is registered.', contract.registeredRedirectUri, REGISTERED),
    ],
    problems: ['redirect_uri_not_registrable', 'too_many_redirect_uris'],
  },
  {
    id: 'listRedirectUris',
    method: 'get',
    path: '/apps/{app_id}/redirect-uris',
    summary: "The app's redirect URIs",
    answers: [
      json(200, 'The registered URIs.', contract.redirectUriList, {
        data: [{ ...REGISTERED, created_at: APP.created_at }],
      }),
    ],
  },
  {
    id: 'unregisterRedirectUri',
    method: 'delete',
    path: '/apps/{app_id}/redirect-uris',
    summary: 'Remove a redirect URI, for flows under way too',
    query: contract.redirectUriQuery,
    answers: [empty(204, 'It is removed.')],
    problems: ['not_found'],
  },
  {
    id: 'listAppAudit',
    method: 'get',
    path: '/apps/{app_id}/audit',
    summary: 'Who changed what of an app, newest first',
    query: contract.auditQuery,
    answers: [json(200, 'A page of entries.', contract.auditList, AUDIT_PAGE)],
  },
  {
    id: 'listAudit',
    method: 'get',
    path: '/audit',
    summary: 'Who changed what, newest first',
    description:
      'For the operator of anything, apps that are gone included; for a developer of their own account and its tokens.',
    query: contract.auditQuery,
    answers: [json(200, 'A page of entries.', contract.auditList, AUDIT_PAGE)],
  },
]);
