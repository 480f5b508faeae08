/**
 * Text to stand before a program of Node that imports a built Worker. Node lacks `cloudflare:workers`, the module that
 * has the environment.
 *
 * @param env an expression for the environment
 */
export const withEnvironment = (env: string): string => `
  import { registerHooks } from 'node:module';
  const url = 'data:text/javascript,' + encodeURIComponent(${JSON.stringify(`export const env = ${env}`)});
  registerHooks({
    resolve: (name, context, next) =>
      name === 'cloudflare:workers' ? { url, shortCircuit: true } : next(name, context),
  });
`;
