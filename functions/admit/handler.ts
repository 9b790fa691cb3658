import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { quickDynamoClient } from '../../adapters/dynamodb/client.ts';
import { freshCache } from '../../domain/cache.ts';
import { admit } from '../../domain/publish/admit.ts';
import { milliseconds } from '../../schemas/duration.ts';
import { eventFunction } from '../chain.ts';
import { publishing } from '../publish/publishing.ts';
import { environment } from './environment.ts';

const entry = z.object({
  participant: z.string(),
  event: z.object({ id: z.string(), 'detail-type': z.string(), time: z.string(), detail: z.unknown() }),
});

/** The ingress buses: events accepted from the AWS SDK. */
export const handler = eventFunction<unknown, undefined>('admit', () => {
  const env = environment.parse(process.env);
  const deps = publishing(env, quickDynamoClient());
  const maxAgeMs = milliseconds(env.TERRITORY.verdictFreshness);
  const participant = freshCache((id) => deps.registry.read('participant', id), { maxAgeMs, now: Date.now });
  return async (event, work) => {
    const given = entry.parse(event);
    work.note({ participant: given.participant });
    const outcome = await admit(
      { ...deps, participant, territoryTimes: env.TERRITORY, random: randomBytes },
      given,
    );
    work.did('events.admitted');
    work.note({ event: outcome.id });
    work.count(outcome.status);
    return undefined;
  };
});
