/** The id of a schema version: unambiguous, since neither a dataset's id nor a number has a `#`. */
export const schemaId = (dataset: string, type: string, version: number): string =>
  `${dataset}#${type}#${version}`;
