/** The longest `state` of an app. Base64url and sealing make it twice as long in Withings' URL. */
export const MAX_APP_STATE = 512;

/** Whether a text can be an app's `state` (RFC 6749, 4.1.1): 1 to 512 printable ASCII characters (VSCHAR). */
export const isAppState = (text: string): boolean => text.length <= MAX_APP_STATE && /^[\x20-\x7e]+$/.test(text);

/** What `isAppState` asks for, in words. */
export const APP_STATE_RULE = `It has 1 to ${MAX_APP_STATE} printable ASCII characters. Keep longer values in the app, under a random key.`;
