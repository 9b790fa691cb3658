import type { Problem } from '../../schemas/problem.ts';
import type { Upload } from '../../schemas/upload.ts';
import { changedHeld, type HoldDeps } from './hold.ts';

/** How far a file in rows was published. */
export type Published = NonNullable<Upload['published']>;
/** Where it begins. */
export const START: Published = { bytes: 0, rows: 0 };

/** The id of the event that its next block becomes. */
export const blockId = ({ id, events = 0 }: Pick<Upload, 'id' | 'events'>): string => `${id}-${events + 1}`;

/** Notes that what was to be published next has been, or had no row to be. */
export async function movedOn(deps: HoldDeps, upload: Upload, event?: Upload['event']): Promise<Upload> {
  const { next, ...published } = upload.published ?? START;
  if (!next) return upload;
  const { rows = { accepted: 0, refused: 0 } } = upload;
  return changedHeld(deps, upload, {
    ...upload,
    published: { ...published, bytes: next.bytes, rows: next.rows },
    rows: { ...rows, accepted: rows.accepted + next.accepted, refused: rows.refused + next.refused },
    ...(event && { events: (upload.events ?? 0) + 1, event: upload.event ?? event }),
  });
}

/** What is wrong with the rest of a file, and that what became events before stays: to begin anew would double it. */
export function withStanding(problem: Problem, { events = 0, published }: Upload): Problem {
  if (events === 0) return problem;
  const became = `The rows up to ${published?.rows ?? 0} became ${events} event(s), which stand`;
  return { ...problem, detail: `${problem.detail}. ${became}: do not send them again` };
}
