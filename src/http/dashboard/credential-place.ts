import type { CredentialPlace } from '../../domain/credential-list.ts';
import { credentialCursor } from '../api/cursors/credential-cursor.ts';
import type { DashboardContext } from './context.ts';

/** Where a page's list of keys or tokens begins; at the start if its URL says nothing that is a place. */
export const credentialPlace = (c: DashboardContext): CredentialPlace | undefined =>
  credentialCursor.safeDecode(c.req.query('after') ?? '').data;
