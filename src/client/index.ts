/**
 * Every function of the client, for `import … from 'mushu-health/client'`. A bundler that knows `sideEffects: false`
 * keeps only those that are used; the modules can be imported one by one too.
 */
export * from './accounts.ts';
export * from './connections.ts';
export * from './management.ts';
export * from './metrics.ts';
export * from './pages.ts';
export * from './send.ts';
export * from './webhooks.ts';
