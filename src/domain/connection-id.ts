declare const connectionIdBrand: unique symbol;

/** The id of a connection. Withings' ids of people and groups are numbers too, and do not compile in its place. */
export type ConnectionId = number & { readonly [connectionIdBrand]: true };

/** For an id that comes from the broker's own storage, from a cursor, or out of the random numbers of a new one. */
export const asConnectionId = (id: number): ConnectionId => id as ConnectionId;
