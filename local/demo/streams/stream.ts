import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import type { CloudEvent } from '../../../events/cloudevent.ts';
import { tellFault } from '../consumers.ts';
import { MeshProblem } from '../mesh-client.ts';
import type { EventResult } from '../publishing.ts';
import { datasetOf, summaryOf } from '../summary.ts';
import type { View } from '../view.ts';

/** What a provider does again and again: each step publishes something and tells it. */
export interface Stream {
  who: string;
  everyMs: number;
  step: () => Promise<void>;
}

/** Steps a stream until the signal; what goes wrong is told, and the stream goes on. */
export async function run({ who, everyMs, step }: Stream, view: View, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await step().catch((error: unknown) => signal.aborted || tellFault(view, who, error));
    await wait(everyMs, undefined, { signal }).catch(() => undefined);
  }
}

/** The text of one of the demonstration's data files. */
export const dataFile = (name: string): Promise<string> =>
  readFile(new URL(`../data/${name}`, import.meta.url), 'utf8');

const HAPPENING = {
  accepted: 'published',
  duplicate: 'duplicate',
  rejected: 'refused',
  failed: 'fault',
} as const;

/** Tells what became of one event; a refusal with the mesh's reason. */
export function tellPublished(
  view: View,
  { who, how }: { who: string; how: string },
  { id, type, data }: CloudEvent,
  { status, problem }: EventResult,
): void {
  view.line({
    what: HAPPENING[status],
    who,
    dataset: datasetOf(type),
    summary: summaryOf(type, data),
    how,
    ids: problem ? `${id}: ${problem.detail}` : id,
  });
}

/** The result of publishing one event; its refusal is a result too. */
export async function resultOf(published: Promise<EventResult>): Promise<EventResult> {
  try {
    return await published;
  } catch (error) {
    if (!(error instanceof MeshProblem) || ![409, 422].includes(error.problem.status)) throw error;
    return { index: 0, status: 'rejected', problem: error.problem };
  }
}
