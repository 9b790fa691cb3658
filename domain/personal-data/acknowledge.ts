import type { Notice } from '../../schemas/notice.ts';
import type { Caller } from '../../schemas/participant.ts';
import { absent, type ControlDeps, overtaken } from '../control.ts';
import { noticeType } from '../notices.ts';
import type { Change } from '../ports.ts';

/** How often an acknowledgement gives way to others of the same erasure. */
const TRIES = 5;

/** Keeps that a participant has read a notice of its own and acted upon it; said again, it stays as it was said first. */
export async function acknowledge(
  deps: Pick<ControlDeps, 'registry' | 'now'>,
  { participant }: Caller,
  id: string,
): Promise<Notice> {
  for (let tried = 0; tried < TRIES; tried += 1) {
    const before = await deps.registry.read('notice', id);
    if (before?.participant !== participant) throw absent('notice', id);
    if (before.acknowledgedAt !== undefined) return before;
    const item = { ...before, acknowledgedAt: deps.now().toISOString() };
    const changes: Change[] = [{ do: 'replace', noun: 'notice', before, item }];
    if (await deps.registry.write([...changes, ...(await counted(deps, before))])) return item;
  }
  throw overtaken('notice', id);
}

/** Whoever erased an event sees how many have acknowledged. */
async function counted(
  { registry }: Pick<ControlDeps, 'registry'>,
  { type, subject }: Notice,
): Promise<Change[]> {
  const before = type === noticeType.eventErased ? await registry.read('erasure', subject) : undefined;
  if (!before) return [];
  return [
    { do: 'replace', noun: 'erasure', before, item: { ...before, acknowledged: before.acknowledged + 1 } },
  ];
}
