import type { Sealer } from '../ports.ts';
import { sealedTexts } from '../sealed-text.ts';

/** Whose link to which event's data: a contract's, or without one everybody's, or the provider's own. */
export interface PayloadLink {
  contract?: string | undefined;
  dataset: string;
  key: string;
}

const PURPOSE = 'payload links';

/** A link for one reader: sealed, so that two of them cannot tell that theirs lead to the same data. */
export async function payloadLink(
  { sealer, publicUrl = '' }: { sealer: Pick<Sealer, 'derive'>; publicUrl?: string | undefined },
  { contract, dataset, key }: PayloadLink,
): Promise<string> {
  const id = (await sealedTexts(sealer, PURPOSE)).write(JSON.stringify([dataset, key, contract ?? null]));
  return `${publicUrl}/v1/payloads/${id}`;
}

/** What a link's id says; undefined for one that the mesh has not given. */
export async function readLink(sealer: Pick<Sealer, 'derive'>, id: string): Promise<PayloadLink | undefined> {
  const text = (await sealedTexts(sealer, PURPOSE)).read(id);
  if (text === undefined) return undefined;
  // Written above.
  const [dataset, key, contract] = JSON.parse(text) as [string, string, string | null];
  return { dataset, key, ...(contract !== null && { contract }) };
}
