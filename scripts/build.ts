/**
 * `npm run build`: the package that is published, in `dist`. It holds `mushu` as one file and the client as modules
 * with their types, and depends on nothing.
 */
import './help.ts';
import { join } from 'node:path';

import { buildPackage } from './build-package.ts';

await buildPackage(join(import.meta.dirname, '../dist'));
