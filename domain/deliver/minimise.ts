import { createHmac } from 'node:crypto';
import type { CloudEvent } from '../../events/cloudevent.ts';
import type { MinimisationClause } from '../../schemas/dataset.ts';
import { milliseconds } from '../../schemas/duration.ts';
import { roundValue } from './round.ts';

/** Whose pseudonyms are made, and for which instant of the event; the key never leaves the mesh. */
export interface PseudonymScope {
  key: Buffer;
  contract: string;
  acceptedAt: Date;
}

type Applied = Exclude<MinimisationClause, { do: 'delay' }>;
type Change = (value: unknown, tokens: string[]) => unknown;

/** Answered by a change in place of a value that goes. */
const DROPPED = Symbol('dropped');

/**
 * The event as one contract lets its consumer see it: a new event, the given one untouched. Clauses apply in order,
 * drops last, so that no other clause brings back what one drops. A value that a clause cannot treat is dropped.
 */
export function minimise(
  event: CloudEvent,
  clauses: MinimisationClause[],
  scope: PseudonymScope | undefined,
): CloudEvent {
  const applied = clauses.filter((clause): clause is Applied => clause.do !== 'delay');
  const ordered = [
    ...applied.filter(({ do: what }) => what !== 'drop'),
    ...applied.filter(({ do: what }) => what === 'drop'),
  ];
  let result = event;
  for (const clause of ordered) {
    // A change at a path of at least one token gives an object back: the event itself is never dropped.
    result = changeAt(result, tokensOf(clause.path), 0, changeOf(clause, scope)) as CloudEvent;
  }
  return applied.some(({ do: what }) => what === 'pseudonymise')
    ? withoutIdentity(result, required(scope))
    : result;
}

function changeOf(clause: Applied, scope: PseudonymScope | undefined): Change {
  switch (clause.do) {
    case 'drop':
      return () => DROPPED;
    case 'round':
      return (value, tokens) => roundValue(value, clause.to, tokens.includes('coordinates')) ?? DROPPED;
    case 'pseudonymise': {
      const given = required(scope);
      const period = Math.floor(given.acceptedAt.getTime() / milliseconds(clause.rotate));
      return (value) =>
        value === null ? null : pseudonym(given, `${clause.path} ${period}`, JSON.stringify(value));
    }
  }
}

/** Replaces `id` and `subject` per contract, so that two consumers cannot join what each of them got. */
function withoutIdentity(event: CloudEvent, scope: PseudonymScope): CloudEvent {
  return {
    ...event,
    id: pseudonym(scope, 'id', `${event.source} ${event.id}`),
    ...(event.subject !== undefined && { subject: pseudonym(scope, 'subject', event.subject) }),
  };
}

/** 128 bits of an HMAC per contract and use: equal values stay equal within them, and only within them. */
function pseudonym(scope: PseudonymScope, use: string, value: string): string {
  const key = createHmac('sha256', scope.key).update(`${scope.contract} ${use}`).digest();
  return `ps_${createHmac('sha256', key).update(value).digest('base64url').slice(0, 22)}`;
}

/** The value with everything at the path changed; containers on the way are copied, all others shared. */
function changeAt(value: unknown, tokens: string[], depth: number, change: Change): unknown {
  const token = tokens[depth];
  if (token === undefined) return change(value, tokens);
  if (Array.isArray(value)) return changeElements(value, token, tokens, depth, change);
  if (typeof value !== 'object' || value === null) return value;
  // Object.fromEntries defines members, so that one named __proto__ stays a member.
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]): [string, unknown][] => {
      if (token !== '*' && token !== name) return [[name, member]];
      const changed = changeAt(member, tokens, depth + 1, change);
      return changed === DROPPED ? [] : [[name, changed]];
    }),
  );
}

function changeElements(
  values: unknown[],
  token: string,
  tokens: string[],
  depth: number,
  change: Change,
): unknown[] {
  const all = token === '*';
  if (!all && !/^(?:0|[1-9]\d*)$/.test(token)) return values;
  return values
    .map((value, index) =>
      all || index === Number(token) ? changeAt(value, tokens, depth + 1, change) : value,
    )
    .filter((value) => value !== DROPPED);
}

/** The reference tokens of a JSON Pointer, unescaped (RFC 6901 section 4). */
export const tokensOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));

function required(scope: PseudonymScope | undefined): PseudonymScope {
  if (!scope) throw new Error('a contract that pseudonymises needs the key of its pseudonyms');
  return scope;
}
