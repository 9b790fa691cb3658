import { hash } from 'node:crypto';
import { ID_PREFIXES } from '../../schemas/id-prefixes.ts';

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/**
 * The id of an event's delivery to a subscription, derived so that duplicates from stream, bus or queue are seen. It
 * has the form of a ULID: the event's time, so that it sorts, and 80 bits of a hash. A replay makes another one.
 */
export function deliveryId(sequence: string, subscription: string, replay = ''): string {
  const digest = hash('sha256', `${sequence} ${subscription} ${replay}`, 'buffer');
  let text = sequence.slice(0, 10);
  for (let byte = 0; byte < 16; byte += 1) text += CROCKFORD.charAt((digest[byte] ?? 0) & 31);
  return ID_PREFIXES.delivery + text;
}
