import { canonicalJson } from '../../events/canonical.ts';
import type { SealedEvent } from '../../events/seal.ts';
import type { Problem } from '../../schemas/problem.ts';
import { claimed, MAX_PAYLOAD_BYTES, type Payload } from '../payloads/claim.ts';
import type { Payloads } from '../ports.ts';
import type { PublishOutcome } from './outcome.ts';

/** The most bytes of one event as stored: what every intermediary must forward (CloudEvents 1.0, "Size Limits"). */
export const MAX_EVENT_BYTES = 64 * 1024;

/** Where large data goes; without it, large events are refused. */
export type LargeData = Pick<Payloads, 'put' | 'remove'> | undefined;

/** What passed every check, by its place in the call. */
type Large = Map<number, { payload?: Payload; outcome: { id: string } }>;

/** What is said where the mesh could not keep an event. */
export const UNAVAILABLE: Problem = {
  kind: 'unavailable',
  detail: 'The ledger could not take the event: send it again',
  retryAfter: 1,
};

/** What the ledger keeps of an event, its data apart where that is large; or why it is too large. */
export function storedAs(
  payloads: LargeData,
  { event, body, digest }: SealedEvent,
  { key, expires, most = MAX_PAYLOAD_BYTES }: { key: string; expires: number; most?: number | undefined },
): { body: string; payload?: Payload } | Problem {
  if (Buffer.byteLength(body) <= MAX_EVENT_BYTES) return { body };
  if (!payloads) return tooLarge(body, MAX_EVENT_BYTES);
  if (event['dataref'] !== undefined) {
    const message = 'is what the mesh refers to large data by: leave it out';
    return {
      kind: 'not-valid',
      detail: 'The event has dataref and large data too',
      errors: [{ path: '/dataref', message }],
    };
  }
  const apart = claimed(event, { key, digest, expires });
  const rest = canonicalJson(apart.event);
  if (Buffer.byteLength(rest) > MAX_EVENT_BYTES) return tooLarge(rest, MAX_EVENT_BYTES);
  if (apart.payload.body.length > most) return tooLarge(body, most);
  return { body: rest, payload: apart.payload };
}

/** Keeps large data before its events: an event never refers to what is not there. What was not kept is to come again. */
export async function keepPayloads(
  payloads: LargeData,
  checked: Large,
  outcomes: PublishOutcome[],
): Promise<void> {
  const large = [...checked].flatMap(([index, { payload, outcome }]) =>
    payload ? [{ index, payload, outcome }] : [],
  );
  const kept = await Promise.allSettled(large.map(({ payload }) => payloads?.put(payload)));
  for (const [position, { status }] of kept.entries()) {
    const failed = large[position];
    if (status === 'fulfilled' || !failed) continue;
    checked.delete(failed.index);
    outcomes[failed.index] = { status: 'failed', id: failed.outcome.id, problem: UNAVAILABLE };
  }
}

/** Removes large data of events that were not taken, such as one that was erased; its name is that of no other. */
export async function dropPayloads(
  payloads: LargeData,
  checked: Large,
  outcomes: PublishOutcome[],
): Promise<void> {
  const refused = [...checked].flatMap(([index, { payload }]) =>
    payload && outcomes[index]?.status === 'rejected' ? [payload.name] : [],
  );
  // Best effort: what stays is nobody's, and goes with its day.
  await Promise.allSettled(refused.map((name) => payloads?.remove(name)));
}

const tooLarge = (body: string, most: number): Problem => ({
  kind: 'too-large',
  detail: `The event has ${Buffer.byteLength(body)} bytes as canonical JSON; at most ${most} are taken`,
});
