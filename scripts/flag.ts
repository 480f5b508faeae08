import type { Message } from '@optique/core/message';
import { map, multiple, withDefault } from '@optique/core/modifiers';
import type { NonEmptyString } from '@optique/core/nonempty';
import { option } from '@optique/core/primitives';
import type { OptionName } from '@optique/core/usage';
import { string } from '@optique/core/valueparser';

/** A flag that is given or not. */
export const flag = (name: OptionName, description: Message) => withDefault(option(name, { description }), false);

/**
 * A flag with a text. Of a repeated one the last counts: `npm run … -- --state DIR` may follow a flag that a script of
 * a developer has.
 */
export const textFlag = (name: OptionName, metavar: NonEmptyString, description: Message) =>
  map(multiple(option(name, string({ metavar }), { description })), (values) => values.at(-1));
