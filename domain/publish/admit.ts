import { type BusEntry, readDetail } from '../../events/detail.ts';
import type { Participant } from '../../schemas/participant.ts';
import type { Problem } from '../../schemas/problem.ts';
import { seconds } from '../../schemas/duration.ts';
import type { Territory } from '../../schemas/territory.ts';
import type { Random } from '../ids.ts';
import { refusedPublication } from '../notices.ts';
import type { Registry } from '../ports.ts';
import type { PublishOutcome } from './outcome.ts';
import { publish, type PublishDeps } from './publish.ts';

/** One entry of a participant's ingress bus; the bus's own rule stamps whose it is. */
export interface AdmittedEntry {
  participant: string;
  event: BusEntry;
}

/** What the SDK door needs of the world, beyond publishing itself. */
export interface AdmitDeps extends PublishDeps {
  registry: Pick<Registry, 'write'>;
  participant: (id: string) => Promise<Participant | undefined>;
  territoryTimes: Pick<Territory, 'rejectionRetention'>;
  random: Random;
}

/**
 * Publishes an entry of an ingress bus by the same rules as HTTPS. Nobody waits for an answer there: what is refused is
 * kept, and told to its publisher by a notice. Throws when the ledger failed, so that the entry comes again.
 */
export async function admit(deps: AdmitDeps, { participant, event }: AdmittedEntry): Promise<PublishOutcome> {
  const outcome = await judgeEntry(deps, participant, event);
  if (outcome.status === 'failed') throw new Error(outcome.problem.detail);
  if (outcome.status !== 'rejected') return outcome;
  const { kind, detail, errors } = outcome.problem;
  const refused = {
    participant,
    eventId: outcome.id ?? event.id,
    type: event['detail-type'],
    problem: { kind, detail, ...(errors && { errors }) },
  };
  const retentionSeconds = seconds(deps.territoryTimes.rejectionRetention);
  const kept = await deps.registry.write(
    refusedPublication(refused, { now: deps.now(), retentionSeconds, random: deps.random }),
  );
  if (!kept) throw new Error('the refused publication was not kept');
  return outcome;
}

async function judgeEntry(deps: AdmitDeps, id: string, event: BusEntry): Promise<PublishOutcome> {
  const participant = await deps.participant(id);
  const refusal = whyNot(participant, id);
  if (refusal) return { status: 'rejected', problem: refusal };
  const read = readDetail(event);
  if ('faults' in read) {
    return {
      status: 'rejected',
      problem: { kind: 'not-valid', detail: 'The entry is not an event', errors: read.faults },
    };
  }
  const [outcome] = await publish(deps, id, [read.candidate]);
  if (!outcome) throw new Error('one event has one outcome');
  return outcome;
}

/** Why a participant, as the registry has it, may publish nothing now. */
export function whyNot(participant: Participant | undefined, id: string): Problem | undefined {
  if (!participant) return { kind: 'not-found', detail: `There is no participant ${id}` };
  if (participant.status !== 'active')
    return { kind: 'forbidden', detail: `The participant ${id} is suspended` };
  if (!participant.roles.includes('provider'))
    return { kind: 'forbidden', detail: `The participant ${id} is no provider` };
  return undefined;
}
