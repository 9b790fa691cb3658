/** What an ARN says: where something is, whose, and how it is called. */
export interface ArnParts {
  partition: string;
  region: string;
  account: string;
  /** Without what kind of thing it is. */
  name: string;
}

/** The parts of an ARN that a schema has taken. */
export function partsOf(text: string): ArnParts {
  const [, partition = '', , region = '', account = '', resource = ''] = text.split(':');
  return { partition, region, account, name: resource.slice(resource.indexOf('/') + 1) };
}
