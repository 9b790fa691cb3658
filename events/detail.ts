import type { Fault } from '../schemas/problem.ts';

/** What of an EventBridge event tells what was published. */
export interface BusEntry {
  id: string;
  'detail-type': string;
  time: string;
  detail: unknown;
}

/**
 * The candidate event of an entry on an ingress bus: a Detail with a `specversion` is the CloudEvent itself, its type
 * by default the DetailType; any other Detail is its data, under EventBridge's own id and time.
 */
export function readDetail(entry: BusEntry): { candidate: unknown } | { faults: Fault[] } {
  const type = entry['detail-type'];
  const { detail } = entry;
  if (typeof detail !== 'object' || detail === null || !Object.hasOwn(detail, 'specversion')) {
    return { candidate: { specversion: '1.0', id: entry.id, type, time: entry.time, data: detail } };
  }
  const own = 'type' in detail ? detail.type : undefined;
  if (own === undefined || own === null) return { candidate: { ...detail, type } };
  if (own === type) return { candidate: detail };
  return { faults: [{ path: '/type', message: `must be the DetailType, ${type}` }] };
}
