import { quickDynamoClient } from '../../adapters/dynamodb/client.ts';
import { cachedIdentify } from '../../domain/identify.ts';
import { publish } from '../../domain/publish/publish.ts';
import { milliseconds } from '../../schemas/duration.ts';
import { httpFunction } from '../chain.ts';
import { entrant } from '../entrance.ts';
import { batchAnswer, candidatesOf, singleAnswer } from './door.ts';
import { environment } from './environment.ts';
import { now, publishing } from './publishing.ts';

/** `POST /v1/events`: events accepted by HTTPS. */
export const handler = httpFunction('publish', () => {
  const env = environment(process.env);
  const deps = publishing(env, quickDynamoClient());
  const identify = cachedIdentify(
    { registry: deps.registry, now },
    { freshnessMs: milliseconds(env.TERRITORY.verdictFreshness) },
  );
  return async (request, work) => {
    const caller = await entrant(identify, request, work, { role: 'provider', scope: 'publish' });
    const { batch, events } = candidatesOf(request);
    const outcomes = await publish(deps, caller.participant, events);
    work.did('events.published');
    for (const { status } of outcomes) work.count(status);
    return batch ? batchAnswer(outcomes) : singleAnswer(outcomes[0]);
  };
});
