import { canonicalJson, digestOf } from './canonical.ts';
import type { CloudEvent } from './cloudevent.ts';

/** An event as the ledger keeps it: the same bytes through every door. */
export interface SealedEvent {
  /** Canonical JSON (RFC 8785), `time` included. */
  body: string;
  /** SHA-256 of the canonical JSON without a `time` that the mesh filled in, hex. */
  digest: string;
  event: CloudEvent;
}

/** Fills in `source` and `time` where the publisher left them out, and takes the digest that api.md defines. */
export function sealEvent(given: CloudEvent, { source, now }: { source: string; now: Date }): SealedEvent {
  const event = given.source ? given : { ...given, source };
  if (event.time !== undefined) {
    const body = canonicalJson(event);
    return { body, digest: digestOf(body), event };
  }
  const time = now.toISOString();
  const [before, after] = canonicalAround(event, 'time');
  return {
    body: `${before},"time":"${time}",${after}`,
    digest: digestOf(`${before},${after}`),
    event: { ...event, time },
  };
}

/** The canonical JSON of an event in two parts, cut where an attribute that it lacks would stand; `id` and `type` are on either side. */
function canonicalAround(event: CloudEvent, absent: string): [string, string] {
  const before: Record<string, unknown> = {};
  const after: Record<string, unknown> = {};
  for (const name in event) (name < absent ? before : after)[name] = event[name];
  return [canonicalJson(before).slice(0, -1), canonicalJson(after).slice(1)];
}
