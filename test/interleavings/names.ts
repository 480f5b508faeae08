import { asAppId } from '../../src/domain/app-id.ts';

/** What a world of the interleavings is called, and when it begins. */

export const CLIENT_ID = 'c1'.repeat(32);
export const CLIENT_SECRET = '5e'.repeat(32);
export const PUBLIC_URL = 'https://broker.example.com';
export const CALLBACK_URL = `${PUBLIC_URL}/withings/callback`;
export const APP_ID = asAppId('app_torture');
export const START = Date.UTC(2026, 5, 15, 12, 0, 0);
