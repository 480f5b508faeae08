import * as z from 'zod';

import { asConnectionId } from '../../domain/connection-id.ts';
import { digestOf, packValues, parseValues } from '../../domain/group-change.ts';
import { parseStored } from '../../domain/stored-json.ts';
import {
  type CompactionPlace,
  type CompactionStep,
  readCompactionStep,
  storeCompactionStep,
} from '../../store/sync/compaction.ts';
import { kindsJson } from '../../store/sync/group-kinds.ts';
import type { Deps } from '../deps.ts';

const place: z.ZodType<CompactionPlace> = z.looseObject({
  connectionId: z.number().transform(asConnectionId),
  groupId: z.number(),
});
/** Without a readable place it starts again: what is compact already costs a read. */
const START: CompactionPlace = { connectionId: asConnectionId(0), groupId: 0 };

/**
 * Goes on with the groups that earlier releases stored, which hold every value twice. Once it is through, nothing is
 * remembered, and it costs nothing.
 *
 * @param text what the broker remembers about where it has come to
 */
export const compactGroups = async (deps: Deps, text: string): Promise<void> => {
  const step = await readCompactionStep(deps.db, parseStored(place, text) ?? START, deps.settings.compactedGroups);
  const stored = step.ok ? await storeStep(deps, step.value) : step;
  if (!stored.ok) deps.log({ level: 'warn', event: 'tick', outcome: 'compaction_failed', reason: stored.failure.kind });
};

const storeStep = async (deps: Deps, step: CompactionStep) => {
  const verbose = step.groups.flatMap(({ content, measured, ...place }) => {
    const values = parseValues(content);
    if (content === undefined || values === undefined) return [];
    const isMeasured = JSON.stringify(packValues(values)) === JSON.stringify(JSON.parse(measured ?? '[]'));
    return [{ ...place, content, kinds: kindsJson(values), digest: digestOf(values), isMeasured }];
  });
  const last = step.groups.at(-1);
  const next =
    step.groups.length < deps.settings.compactedGroups
      ? undefined
      : last && { connectionId: last.connectionId, groupId: last.groupId };
  const compact = verbose.filter(({ isMeasured }) => isMeasured);
  return storeCompactionStep(deps.db, step, verbose, compact, next, deps.now());
};
