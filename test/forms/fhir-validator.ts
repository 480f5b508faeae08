import Validator from '@asymmetrik/fhir-json-schema-validator';

/** One for all files: a second one in the same process finds its schemas taken, and then finds no fault. */
export const validator = new Validator();
