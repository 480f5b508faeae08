import { data } from '../../src/http/parts/data.ts';
import { links } from '../../src/http/parts/links.ts';
import { management } from '../../src/http/parts/management.ts';
import { pages } from '../../src/http/parts/pages.ts';

/** The parts of the broker's routes. */
export const PARTS = { links, data, management, pages };

/** Every route of the broker. */
export const ROUTES = Object.values(PARTS).flatMap(({ routes }) => routes);
