import type { Sealer } from '../../domain/ports.ts';
import { sealedTexts } from '../../domain/sealed-text.ts';
import { strangeCursor } from '../../domain/whole-list.ts';
import type { HttpAnswer } from '../http.ts';

/** All are as long: how long the id of a hidden thing is would be something, too. */
const FILLED = 256;

/** Whose list it is, as its path says. */
interface ListOf {
  path: string;
  participant: string | undefined;
}

/**
 * Lets lists be read with cursors that only the mesh can read, each of use to who got it, on that list. What stands in one
 * may name what its reader must not see: the place where a page ends is often that of a thing which was passed over.
 */
export async function withSealedCursors(
  sealer: Pick<Sealer, 'derive'>,
  { path, participant = '' }: ListOf,
  query: Record<string, string | undefined>,
  read: (query: Record<string, string | undefined>) => Promise<HttpAnswer>,
): Promise<HttpAnswer> {
  const list = `${path} ${participant}`;
  const texts = () => sealedTexts(sealer, 'cursors');
  const { cursor } = query;
  const place = cursor === undefined ? undefined : (await texts()).read(cursor, list)?.trimEnd();
  if (cursor !== undefined && place === undefined) throw strangeCursor();
  const answer = await read(place === undefined ? query : { ...query, cursor: place });
  if (!isPage(answer.json)) return answer;
  return {
    ...answer,
    json: { ...answer.json, next: (await texts()).write(answer.json.next.padEnd(FILLED), list) },
  };
}

const isPage = (json: unknown): json is { next: string } =>
  typeof json === 'object' && json !== null && 'next' in json && typeof json.next === 'string';
