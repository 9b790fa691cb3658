import { hash } from 'node:crypto';

/**
 * The ledger's key of an event: SHA-256 over dataset, source and id, base64url (43 characters). Lengths stand before
 * the parts, so that no two triples read the same.
 */
export const eventKey = (dataset: string, source: string, id: string): string =>
  hash('sha256', `${dataset.length}:${dataset}${source.length}:${source}${id}`, 'base64url');
