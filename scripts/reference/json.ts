/** A JSON Schema, or any other part of the OpenAPI document. */
export type Json = { [name: string]: unknown };
