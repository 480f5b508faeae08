/**
 * What the control API accepts. The names in JSON are snake_case; they are renamed before these schemas check them.
 * Unknown ones are refused.
 */
import type { Context } from 'hono';
import * as z from 'zod';

import { faultKinds } from '../faults.ts';
import { sources } from '../measures/device.ts';
import { settingsSchema } from '../settings.ts';

const seconds = z.int().min(0);
const kilograms = z.number().positive().max(1000);
const scopes = z.array(z.string().min(1));
const timezone = z.string().refine((name) => {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).format(0) !== '';
  } catch {
    return false;
  }
}, 'not a time zone');

export const personSchema = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, 'lower-case letters, digits and dashes, a letter first'),
  userid: z.int().min(1).optional(),
  name: z.string().min(1).optional(),
  description: z.string().default(''),
  timezone: timezone.default('Europe/Paris'),
  heightM: z.number().positive().max(3).optional(),
});

export const personChangesSchema = z.strictObject({
  timezone: timezone.optional(),
  allowedScopes: scopes.nullable().optional(),
  sharingPaused: z.boolean().optional(),
  olderRecordings: z.boolean().optional(),
  pageSize: z.int().min(1).nullable().optional(),
  endlessMore: z.enum(['same_offset', 'empty_pages', 'known_pages']).nullable().optional(),
  slow: z
    .strictObject({ aboveGroups: z.int().min(0), delayMs: z.int().min(0).max(600_000) })
    .nullable()
    .optional(),
});

export const withdrawSchema = z.strictObject({ clientId: z.string().optional() });

export const weighInSchema = z.strictObject({
  weightKg: kilograms,
  fatRatio: z.number().min(0).max(99).optional(),
  fatMassKg: kilograms.optional(),
  muscleMassKg: kilograms.optional(),
  hydrationKg: kilograms.optional(),
  boneMassKg: kilograms.optional(),
  heartPulseBpm: z.int().min(1).max(300).optional(),
  date: seconds.optional(),
  device: z.enum(sources).optional(),
  attrib: z.int().optional(),
  weightOnly: z.boolean().optional(),
});

export const weighInChangesSchema = z.strictObject({
  weightKg: kilograms.optional(),
  date: seconds.optional(),
  attrib: z.int().optional(),
});

export const heightSchema = z.strictObject({
  heightM: z.number().positive().max(3),
  date: seconds.optional(),
});

const measureSchema = z.object({
  value: z.int(),
  type: z.int(),
  unit: z.int(),
  algo: z.int().optional(),
  fm: z.int().optional(),
  position: z.int().optional(),
});

/** What is sent instead of a group: without these fields, and with these values of others. */
const distortionSchema = z.strictObject({
  without: z.array(z.string()).optional(),
  instead: z.record(z.string(), z.unknown()).optional(),
});

/**
 * A group as Withings sends it, with any content: unknown types, attribs and models, and dates before 1970, included.
 */
export const groupSchema = z.strictObject({
  grpid: z.int().min(1).optional(),
  attrib: z.int().default(0),
  date: z.int().optional(),
  created: seconds.optional(),
  modified: seconds.optional(),
  category: z.int().default(1),
  deviceid: z.string().nullable().default(null),
  modelid: z.int().nullable().default(null),
  model: z.string().nullable().default(null),
  timezone: timezone.optional(),
  measures: z.array(measureSchema),
  distortion: distortionSchema.optional(),
});

export const groupChangesSchema = z.strictObject({
  attrib: z.int().optional(),
  date: seconds.optional(),
  category: z.int().optional(),
  measures: z.array(measureSchema).optional(),
});

/** A push that Withings did not send: to any callback, with any fields. */
export const forgedPushSchema = z.strictObject({
  callbackUrl: z.url({ protocol: /^https?$/ }),
  fields: z.record(z.string(), z.string()).default({}),
});

export const clockSchema = z
  .strictObject({
    /** Unix seconds or an RFC 3339 text. */
    now: z.union([z.number(), z.iso.datetime({ offset: true })]).optional(),
    advanceSeconds: z.number().optional(),
    frozen: z.boolean().optional(),
  })
  .refine((change) => change.now === undefined || change.advanceSeconds === undefined, 'either now or advance_seconds');

export const faultSchema = z.strictObject({
  kind: z.enum(faultKinds),
  action: z.string().optional(),
  grantType: z.enum(['authorization_code', 'refresh_token']).optional(),
  person: z.string().optional(),
  times: z.int().min(1).optional(),
  delayMs: z.int().min(0).max(600_000).optional(),
  status: z.int().optional(),
  error: z.string().optional(),
  waitSeconds: z.int().min(0).optional(),
  takesEffect: z.boolean().optional(),
});

export const settingsChangesSchema = settingsSchema.partial();

export const clientSchema = z.strictObject({
  clientId: z.string().min(1),
  clientSecret: z.string().min(1),
  name: z.string().min(1).default('A new app'),
  redirectUris: z.array(z.url()),
});

const camelCase = (name: string) => name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
const snakeCase = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const renamed = (value: object, rename: (name: string) => string): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).map(([name, content]) => [rename(name), content]));

/** The object as the control API shows it: its own names in snake_case, what is inside them untouched. */
export const shown = (value: object): Record<string, unknown> => renamed(value, snakeCase);

/** The JSON body in the schema's shape, or a 400 that says what is wrong. */
export const readBody = async <Schema extends z.ZodType>(
  c: Context,
  schema: Schema,
): Promise<z.output<Schema> | Response> => {
  // A web page of another origin cannot send this type without asking first.
  if (!/^application\/json\b/i.test(c.req.header('content-type') ?? '')) {
    return c.json({ error: 'send JSON, with content-type application/json' }, 400);
  }
  const text = await c.req.text();
  const json = parseObject(text);
  if (json === null) return c.json({ error: 'the body is not a JSON object' }, 400);
  const parsed = schema.safeParse(renamed(json, camelCase));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) =>
    [...path.map((part) => snakeCase(String(part))), message].join(': '),
  );
  return c.json({ error: problems.join('; ') }, 400);
};

const parseObject = (text: string): object | null => {
  try {
    const value: unknown = JSON.parse(text === '' ? '{}' : text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
};
