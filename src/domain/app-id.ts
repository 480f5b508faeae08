declare const appIdBrand: unique symbol;

/** The id of an app. Ids of users, accounts and endpoints are texts too, and do not compile in its place. */
export type AppId = string & { readonly [appIdBrand]: true };

/** For an id from a path, from a signed token, from the broker's own storage, or of a new app. */
export const asAppId = (id: string): AppId => id as AppId;

/** The id of no app: none is empty. */
export const NO_APP = asAppId('');
