import type { AuditEntry } from '../../schemas/audit.ts';
import type { Channel } from '../../schemas/notice.ts';
import type { Caller } from '../../schemas/participant.ts';
import type { ProblemKind } from '../../schemas/problem.ts';
import { schemaId } from '../../schemas/schema-id.ts';
import { newId, type Random } from '../ids.ts';
import type { Change, Clock, Noun, Registry } from '../ports.ts';

/** Who asks for what: what an audit entry says besides what changed. */
export interface Deed {
  by: Pick<Caller, 'participant' | 'roles'> & { key?: string };
  /** What is asked for, as the logs name it: `contract.accepted`. */
  action: string;
  /** The id of the request. */
  request?: string;
}

/** What keeping the audit needs of the world. */
export interface AuditDeps {
  now: Clock;
  random: Random;
}

/** The mesh itself, where a date or a failure decided and nobody asked. */
export const byMesh = (action: string): Deed => ({ by: { participant: 'mesh', roles: [] }, action });

/** Traces of work rather than things that somebody decides on; a transaction of nothing else is not audited. */
const TRACES: readonly Noun[] = ['answer', 'publication', 'audit', 'round', 'swept'];

/**
 * The registry with an audit entry in each of its transactions: what was changed and who changed it are kept together
 * or not at all.
 */
export function audited<R extends Pick<Registry, 'write'>>(
  registry: R,
  deed: Deed,
  { now, random }: AuditDeps,
): R {
  return {
    ...registry,
    write: (changes) => {
      const told = toldOf(changes);
      if (told.length === 0) return registry.write(changes);
      const [{ noun, id }] = told as [AuditEntry['changes'][number]];
      const item = entryOf(deed, { noun, subject: id }, now(), random);
      return registry.write([
        ...changes,
        { do: 'create', noun: 'audit', item: { ...item, outcome: 'done', changes: told } },
      ]);
    },
  };
}

/**
 * One deed under audit: the registry that it is done with, and what it ends with. What has changed nothing of the
 * registry is kept then too: that a person had something sent again is theirs to answer for as much as a change is.
 */
export function underAudit<R extends Pick<Registry, 'write'>>(
  registry: R,
  deed: Deed,
  deps: AuditDeps,
): { registry: R; ended: (about: { noun: string; subject: string }) => Promise<void> } {
  let kept = false;
  const noting: R = {
    ...registry,
    write: async (changes) => {
      const written = await registry.write(changes);
      kept ||= written && changes.some(({ noun }) => noun === 'audit');
      return written;
    },
  };
  return {
    registry: audited(noting, deed, deps),
    ended: async (about) => {
      if (!kept) await auditDone(registry, deed, about, deps);
    },
  };
}

/** Keeps that something was done which changes nothing of the registry, by a write of its own. */
export async function auditDone(
  registry: Pick<Registry, 'write'>,
  deed: Deed,
  about: { noun: string; subject: string },
  { now, random }: AuditDeps,
): Promise<void> {
  const item: AuditEntry = { ...entryOf(deed, about, now(), random), outcome: 'done', changes: [] };
  if (!(await registry.write([{ do: 'create', noun: 'audit', item }])))
    throw new Error(`the audit entry ${item.id} was there already`);
}

/** Keeps that somebody was refused, by a write of its own: there is no change that it could stand beside. */
export async function auditRefusal(
  registry: Pick<Registry, 'write'>,
  deed: Deed,
  about: { noun: string; subject: string },
  problem: ProblemKind,
  { now, random }: AuditDeps,
): Promise<void> {
  const item: AuditEntry = {
    ...entryOf(deed, about, now(), random),
    outcome: 'refused',
    problem,
    changes: [],
  };
  if (!(await registry.write([{ do: 'create', noun: 'audit', item }])))
    throw new Error(`the audit entry ${item.id} was there already`);
}

function entryOf(
  { by, action, request }: Deed,
  { noun, subject }: { noun: string; subject: string },
  at: Date,
  random: Random,
): Omit<AuditEntry, 'outcome' | 'changes'> {
  return {
    id: newId('audit', at, random),
    at: at.toISOString(),
    day: at.toISOString().slice(0, 10),
    participant: by.participant,
    ...(by.key !== undefined && { key: by.key }),
    roles: by.roles,
    action,
    noun,
    subject,
    about: aboutOf(noun, subject),
    ...(request !== undefined && { request }),
  };
}

/** By what the entries of one thing are listed. */
export const aboutOf = (noun: string, subject: string): string => `${noun}#${subject}`;

/** What is told of a transaction's changes; a notice that only tells of another change is not told itself. */
function toldOf(changes: Change[]): AuditEntry['changes'] {
  return changes.flatMap((change): AuditEntry['changes'] => {
    if (change.do === 'expect' || TRACES.includes(change.noun) || isProgress(change)) return [];
    if (change.noun === 'notice' && change.do === 'create') return [];
    if (change.do === 'remove') return [{ do: change.do, noun: change.noun, id: change.id }];
    const { item } = change;
    const now = 'state' in item ? item.state : 'status' in item ? item.status : undefined;
    return [{ do: change.do, noun: change.noun, id: nameOf(change), ...(now !== undefined && { now }) }];
  });
}

/**
 * How far a replay or the pushing of notices has come is no decision, nor is that an upload is being checked, or what is
 * tidied up after it.
 */
const isProgress = (change: Change): boolean =>
  change.do === 'replace' &&
  ((change.noun === 'replay' && change.item.status !== 'cancelled') ||
    (change.noun === 'upload' && (change.item.swept || change.item.state === 'checking')) ||
    (change.noun === 'channel' && isPushedTheSame(change)));

const isPushedTheSame = ({ before, item }: { before: Channel; item: Channel }): boolean =>
  item.address === before.address && item.status === before.status;

function nameOf(change: Change & { do: 'create' | 'replace' }): string {
  if (change.noun !== 'schema') return change.item.id;
  const { dataset, type, version } = change.item;
  return schemaId(dataset, type, version);
}
