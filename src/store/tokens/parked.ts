import type { ConnectionId } from '../../domain/connection-id.ts';
import type { StorageFailure } from '../../domain/failure.ts';
import type { Result } from '../../domain/result.ts';
import { DAY_MS, SECOND_MS } from '../../domain/time.ts';
import { deleteKv, type Kv, readKv, writeKv } from '../kv.ts';

/** Pairs of tokens that D1 did not accept. KV keeps each until the next holder of the connection's lease reads it. */

/**
 * The connection, and the version of the tokens that the pair replaces. A disconnect or a reconnect raises the version,
 * so the pair is not found after it.
 */
export type ParkingPlace = { connectionId: ConnectionId; tokenVersion: number };

/** Longer than D1 refuses writes if the operator acts on the alarm. */
const KEPT_SECONDS = (30 * DAY_MS) / SECOND_MS;

export const putParked = (kv: Kv, place: ParkingPlace, sealed: string): Promise<Result<void, StorageFailure>> =>
  writeKv(kv, keyOf(place), sealed, KEPT_SECONDS);

export const parkedAt = (kv: Kv, place: ParkingPlace): Promise<Result<string | undefined, StorageFailure>> =>
  readKv(kv, keyOf(place));

/** If this fails, the pair expires. The broker does not read it again, because its version has passed. */
export const deleteParked = (kv: Kv, place: ParkingPlace): Promise<Result<void, StorageFailure>> =>
  deleteKv(kv, keyOf(place));

const keyOf = ({ connectionId, tokenVersion }: ParkingPlace): string => `parked:${connectionId}:${tokenVersion}`;
