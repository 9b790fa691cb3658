import type { Caller } from '../../schemas/participant.ts';
import { ProblemError } from '../../schemas/problem.ts';
import type { Upload } from '../../schemas/upload.ts';
import type { Page, PageRequest, Payloads, SignedPut } from '../ports.ts';
import { pageOfWhole } from '../whole-list.ts';
import { getUpload, type UploadDeps } from './begin.ts';

/** One part of a file, counted from 1, and how to put it. */
export interface UploadPart {
  part: number;
  bytes: number;
  put: SignedPut;
}

/** How many parts a file has. */
export const countOf = ({ bytes, parts }: Pick<Upload, 'bytes' | 'parts'>): number =>
  parts ? Math.ceil(bytes / parts.bytes) : 0;

/** The parts of an upload that waits, in order, each with a request that is good until the upload expires. */
export async function listParts(
  deps: Pick<UploadDeps, 'registry' | 'now'> & { payloads: Pick<Payloads, 'linkToPart'> },
  caller: Caller,
  id: string,
  page: PageRequest,
): Promise<Page<UploadPart>> {
  const upload = await getUpload(deps, caller, id);
  const seconds = Math.floor((Date.parse(upload.expiresAt) - deps.now().getTime()) / 1000);
  if (upload.state !== 'waiting' || seconds <= 0)
    throw new ProblemError('conflict', `The upload ${id} takes nothing any more`);
  const { name, bytes, parts } = upload;
  const numbers = Array.from({ length: countOf(upload) }, (_, index) => index + 1);
  const { items, next } = pageOfWhole(numbers, page);
  if (!parts) return { items: [], next: null };
  const listed = items.map(async (part) => {
    const size = Math.min(parts.bytes, bytes - (part - 1) * parts.bytes);
    const put = await deps.payloads.linkToPart(name, parts.id, { number: part, bytes: size }, seconds);
    return { part, bytes: size, put };
  });
  return { items: await Promise.all(listed), next };
}
