import { setTimeout as wait } from 'node:timers/promises';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { DynamoDBStreamEvent } from 'aws-lambda';
import { eventBus } from '../../adapters/eventbridge/bus.ts';
import { quickEventBridge } from '../../adapters/eventbridge/client.ts';
import { lean } from '../../adapters/lean.ts';
import { routeGaps } from '../../adapters/sqs/route-gaps.ts';
import { route } from '../../domain/route.ts';
import { eventFunction } from '../chain.ts';
import { environment } from './environment.ts';
import { readRecords } from './records.ts';

/** The ledger's stream: each accepted event goes once on each shared bus. */
export const handler = eventFunction<DynamoDBStreamEvent, undefined>('route', () => {
  const env = environment(process.env);
  let problem: string | undefined;
  const deps = {
    bus: eventBus({
      client: quickEventBridge(),
      buses: env.BUS_NAMES,
      onFailure: ({ code }) => void (problem = code),
    }),
    gaps: routeGaps({ client: lean(SQSClient, {}), queueUrl: env.ROUTE_DEAD_LETTERS_URL }),
    pause: (tried: number) => wait(100 * 2 ** tried),
  };
  return async ({ Records }, work) => {
    problem = undefined;
    const { events, unreadable } = readRecords(Records);
    for (const row of unreadable) await deps.gaps.setAside(row);
    const waiting = await route(deps, events);
    work.did('events.routed');
    work.count('routed', events.length - waiting);
    work.count('routeGaps', waiting);
    work.count('unreadable', unreadable.length);
    work.note({ problem });
    return undefined;
  };
});
