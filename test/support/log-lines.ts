import type { LogEntry } from '../../src/domain/log.ts';

/** What a line may hold, as docs/operating.md lists it. */
const FIELDS: Record<keyof LogEntry, RegExp> = {
  level: /^(info|warn|error)$/,
  event: /^(request|link|refresh|sync|tick|erasure|webhook|push|subscription|alarm|alarm_over|rate_limit|front|bug)$/,
  requestId: /^(tick_[0-9a-f]{20}|[\w-]{1,64})$/,
  method: /^[A-Z]+$/,
  route: /^[/*]/,
  status: /^[1-5]\d\d$/,
  outcome: /^[a-z_]+$/,
  reason: /^[\w-]+$/,
  durationMs: /^\d+$/,
  appId: /^app_[0-9a-z]+$/,
  userHash: /^user_[0-9a-f]{24}$/,
  count: /^\d+$/,
  skipped: /^\d+$/,
};

/** Lines of links whose user is not known: their record has expired. */
const NAMELESS = new Set(['link_record_missing', 'changed_meanwhile', 'session_spent', 'no_code', 'too_late']);

/** Alarms say it in words of ours, with figures and key ids. */
const FIGURES = /^[\w ,’-]+$/;
const isAlarm = ({ event }: LogEntry): boolean => event === 'alarm' || event === 'alarm_over';

/** What is wrong with a line, if anything: a field that is not agreed, or one that following a user's failure needs. */
export const faultOfLine = (line: LogEntry): string[] => {
  const odd = Object.entries(line).flatMap(([field, value]) => {
    const allowed = isAlarm(line) && field === 'reason' ? FIGURES : FIELDS[field as keyof LogEntry];
    return allowed?.test(String(value)) ? [] : [field];
  });
  const needed: (keyof LogEntry)[] =
    line.event === 'refresh' || line.event === 'sync'
      ? ['appId', 'userHash', 'outcome']
      : line.event === 'link'
        ? ['appId', 'outcome', ...(NAMELESS.has(line.reason ?? '') ? [] : (['userHash'] as const))]
        : [];
  const lacking = needed.filter((field) => line[field] === undefined);
  const isFailure = line.event !== 'request' && line.level === 'warn' && line.outcome === 'failed';
  const faults = [...odd, ...lacking, ...(isFailure && line.reason === undefined ? ['reason'] : [])];
  return faults.length === 0 ? [] : [`${faults.join(', ')} of ${JSON.stringify(line)}`];
};
