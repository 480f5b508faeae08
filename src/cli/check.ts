/** One check. `todo` says how to fix it and is present only if the check failed. */
export type Check = { check: string; ok: boolean; found: string; todo?: string };
