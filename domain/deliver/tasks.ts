import type { Delivery } from '../../schemas/delivery.ts';
import type { Clock, Deliveries, DeliveryMessage, Ledger, RoutedEvent } from '../ports.ts';
import { routed } from '../route.ts';
import { deliveryId } from './identity.ts';
import type { StandingRefs } from './standing.ts';

/** One message with all that is known of its delivery before it is judged. */
export interface Task {
  id: string;
  message: DeliveryMessage;
  routed: RoutedEvent;
  before: Delivery | undefined;
  /** What its verdict reads. */
  refs: StandingRefs;
}

/** Reads the records and the events that are only referred to: one call each. Undefined where nothing is to be done. */
export async function tasksOf(
  deps: { deliveries: Pick<Deliveries, 'read'>; ledger: Pick<Ledger, 'read'>; now: Clock },
  messages: DeliveryMessage[],
): Promise<(Task | undefined)[]> {
  const ids = messages.map(deliveryOf);
  const unique = [...new Set(ids)];
  const records = await deps.deliveries.read(unique);
  const recordOf = new Map(unique.map((id, index) => [id, records[index]]));
  const referred = [...new Set(messages.flatMap(({ event }) => ('event' in event ? [] : [event.key])))];
  const entries = referred.length === 0 ? [] : await deps.ledger.read(referred, deps.now());
  const eventOf = new Map(referred.map((key, index) => [key, entries[index]]));
  const seen = new Set<string>();
  return messages.map((message, index) => {
    const id = ids[index] as string; // one id for each message
    const before = recordOf.get(id);
    if (seen.has(id) || overtaken(message, before)) return undefined;
    seen.add(id);
    const entry = 'event' in message.event ? undefined : eventOf.get(message.event.key);
    const event = 'event' in message.event ? message.event : entry && routed(entry);
    const replay = before?.replay ?? message.replay;
    const refs = { ...message.subscription, ...(replay !== undefined && { replay }) };
    return event && { id, message, routed: event, before, refs };
  });
}

/** The id of the delivery that a message is of. */
export const deliveryOf = ({ again, event, subscription, replay }: DeliveryMessage): string =>
  again?.delivery ?? deliveryId(event.sequence, subscription.id, replay);

/** Whether a message has nothing left to do: its delivery is decided, or went on without it. */
export function overtaken({ again }: DeliveryMessage, before: Delivery | undefined): boolean {
  if (!before) return false;
  if (!again) return before.status !== 'retrying' && before.status !== 'delayed';
  return (
    again.attempts !== before.attemptCount ||
    ['delivered', 'gone', 'available', 'erased'].includes(before.status)
  );
}
