import type { CloudEvent } from '../../events/cloudevent.ts';
import type { MinimisationClause } from '../../schemas/dataset.ts';
import { DROPPED, type Place, planOf, required } from './plan.ts';
import { deliveredId, type PseudonymScope, type pseudonymsOf } from './pseudonym.ts';

type Members = Record<string, unknown>;

/** All attributes that say nothing of whom an event concerns; extensions of the publisher's might. */
const IMPERSONAL = [
  'specversion',
  'id',
  'source',
  'type',
  'subject',
  'time',
  'datacontenttype',
  'dataschema',
  'data',
  'data_base64',
];

/**
 * The event as one contract lets its consumer see it: a new event, the given one untouched. Clauses apply in order,
 * drops last, so that no other clause brings back what one drops. A value that a clause cannot treat is dropped.
 */
export function minimise(
  event: CloudEvent,
  clauses: MinimisationClause[],
  scope: PseudonymScope | undefined,
): CloudEvent {
  const { passes, subject } = planOf(clauses);
  if (passes.length === 0) return { ...event };
  const run: Run = { scope, holed: [] };
  let seen: Members = event;
  for (const [at, place] of passes.entries()) {
    // Containers are copied on the way to what a clause changes; all others are shared.
    if (at === 0 && subject) seen = without(seen, IMPERSONAL, place, run);
    else seen = changedMembers(seen, place, run);
  }
  for (const elements of run.holed) closeUp(elements);
  if (subject) hideIdentity(seen, required(scope), subject);
  // Safe: what an event must have, no clause can take away.
  return seen as CloudEvent;
}

/** Replaces `id` and `subject` per contract, so that two consumers cannot join what each of them got. */
function hideIdentity(event: Members, scope: PseudonymScope, subject: ReturnType<typeof pseudonymsOf>): void {
  event['id'] = deliveredId(scope);
  if (typeof event['subject'] === 'string') event['subject'] = subject(scope, 0, event['subject']);
}

/** One run, and the arrays from which something goes. */
interface Run {
  scope: PseudonymScope | undefined;
  holed: unknown[][];
}

function changed(value: unknown, place: Place, run: Run): unknown {
  if (place.change) return value === DROPPED ? DROPPED : place.change(value, run.scope);
  if (typeof value !== 'object' || value === null) return value;
  // Safe: JSON has no other objects.
  return Array.isArray(value)
    ? changedElements(value as unknown[], place, run)
    : changedMembers(value as Members, place, run);
}

function changedMembers(members: Members, place: Place, run: Run): Members {
  if (place.any || place.loses) return without(members, Object.keys(members), place, run);
  const copy = { ...members };
  for (const [name, below] of place.members) {
    if (!Object.hasOwn(copy, name)) continue;
    const value = changed(copy[name], below, run);
    if (value === DROPPED) Reflect.deleteProperty(copy, name);
    else put(copy, name, value);
  }
  return copy;
}

/** A copy of what is there of some members, without what goes. */
function without(members: Members, names: string[], place: Place, run: Run): Members {
  const copy: Members = {};
  for (const name of names) {
    let value = members[name];
    if (value === undefined) continue;
    const below = place.members.get(name) ?? place.any;
    if (below) value = changed(value, below, run);
    if (value !== DROPPED) put(copy, name, value);
  }
  return copy;
}

function changedElements(elements: unknown[], place: Place, run: Run): unknown[] {
  const copy = [...elements];
  const before = run.holed.indexOf(elements);
  let holed = before >= 0;
  const change = (at: number, below: Place): void => {
    copy[at] = changed(copy[at], below, run);
    holed ||= copy[at] === DROPPED;
  };
  if (place.any) {
    for (let at = 0; at < copy.length; at += 1)
      change(at, (place.members.size > 0 && place.members.get(String(at))) || place.any);
  } else {
    for (const [name, below] of place.members)
      if (name !== 'length' && Object.hasOwn(copy, name)) change(Number(name), below);
  }
  if (before >= 0) run.holed[before] = copy;
  else if (holed) run.holed.push(copy);
  return copy;
}

function put(members: Members, name: string, value: unknown): void {
  if (name !== '__proto__') members[name] = value;
  // An assignment would set the prototype; a member of this name stays a member.
  else Object.defineProperty(members, name, { value, enumerable: true, configurable: true, writable: true });
}

/** Takes what was dropped out of an array. */
function closeUp(elements: unknown[]): void {
  let kept = 0;
  for (const element of elements) if (element !== DROPPED) elements[kept++] = element;
  elements.length = kept;
}
