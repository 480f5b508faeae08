/** A notice after an action. Its cookie has only the code, so that nothing can put its own text into a page. */
const NOTICES = {
  session_ended: 'Your session has ended. Sign in again.',
  signed_out: 'You are signed out.',
  signed_out_everywhere: 'You are signed out everywhere.',
  account_created: 'Account created. Next: create its first access token.',
  account_changed: 'Account changed. The change applies from the next request on.',
  app_created: 'App created. Next: register its redirect URI.',
  app_changed: 'Changes saved.',
  app_deleted: 'App deleted, with everything it held.',
  app_shrinking: 'A part of the app is deleted. Delete it again to continue.',
  redirect_uri_added: 'Redirect URI registered. It is accepted from the next request on.',
  redirect_uri_present: 'This redirect URI was registered already.',
  redirect_uri_removed: 'Redirect URI removed. It is refused from the next request on.',
  link_policy_changed: 'Link policy changed. It applies to links opened from now on.',
  key_revoked: 'Key revoked. It is refused from the next request on.',
  token_revoked: 'Access token revoked. Its sessions have ended.',
  webhook_changed: 'Endpoint changed. It applies from the next event on.',
  webhook_paused: 'Paused. What happens now waits.',
  webhook_enabled: 'Enabled. What waited is sent within a minute.',
  webhook_deleted: 'Endpoint deleted.',
  webhook_tested: 'A test event is on its way. Reload to see the attempt.',
  webhook_resent: 'Queued. It is sent within a minute.',
  webhook_nothing_resent: 'Nothing is kept to be sent again. Events are kept for seven days.',
  user_synced: 'Synced with Withings.',
  user_syncing: 'A part of the history is stored. The cron stores the rest; sync again to get it sooner.',
  user_disconnected: 'Disconnected. Stored measurements stay.',
  user_shrinking: 'A part of the user is erased. Erase again to continue.',
  user_erased: 'Everything about this user was erased.',
} as const;

export type Notice = keyof typeof NOTICES;

/** The sentence of a notice's code; undefined for an unknown code. */
export const noticeOf = (word: string | undefined): string | undefined =>
  word !== undefined && Object.hasOwn(NOTICES, word) ? NOTICES[word as Notice] : undefined;
