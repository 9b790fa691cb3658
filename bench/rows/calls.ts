import {
  GetFunctionConfigurationCommand,
  LambdaClient,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda';
import type { Hot } from '../invocations.ts';
import { flood } from '../load.ts';
import type { Mesh } from '../mesh.ts';
import { ask, openSink, start } from '../processes.ts';
import { type Bench, mostRow, type Row } from '../row.ts';

const HOT: readonly Hot[] = ['publish', 'route', 'deliver'];
const BATCHES = 20;
const EVENTS = BATCHES * 100;
const LIMITS = {
  publish: { most: 0.03, what: 'AWS calls before the 202', per: 'calls per event' },
  route: { most: 0.12, what: 'AWS calls in route', per: 'calls per event' },
  deliver: { most: 0.25, what: 'AWS calls in deliver', per: 'calls per delivery' },
};

/** Counts what the functions say to AWS, on the wire between them and the engine. */
export const wireCalls: Bench = {
  name: 'calls',
  tells: 'AWS calls per event, counted between the functions and the local engine, in batches of 100',
  async run(context) {
    const mesh = await context.mesh();
    const sink = await openSink();
    await mesh.subscribe(`${sink}/calls`, ['calls']);
    await mesh.tick(60);
    const counters = new Map<Hot, string>();
    for (const name of HOT) counters.set(name, await countedAt(mesh, name));
    const both = { subject: 'calls', fanOut: 1 };
    await flood(mesh, sink, { ...both, batches: 2 });
    for (const url of counters.values()) await callsAt(url);
    await flood(mesh, sink, { ...both, batches: BATCHES });
    const rows: Row[] = [];
    for (const [name, url] of counters) rows.push(rowOf(name, await callsAt(url)));
    for (const name of HOT) await pointAt(mesh, name, undefined);
    return rows;
  },
};

function rowOf(name: Hot, calls: Record<string, number>): Row {
  const { most, what, per } = LIMITS[name];
  const operations = Object.entries(calls).map(([operation, count]) => `${operation} ${count}`);
  const count = Object.values(calls).reduce((sum, one) => sum + one, 0);
  return mostRow(`${what} (of ${EVENTS}: ${operations.join(', ')})`, count / EVENTS, per, most);
}

/** Puts a counter between a function and the engine; answers its address. */
async function countedAt(mesh: Mesh, name: Hot): Promise<string> {
  const { url } = await ask<{ url: string }>(start('counting-proxy.ts', [mesh.engine.endpoint]));
  await pointAt(mesh, name, url);
  return url;
}

async function pointAt(mesh: Mesh, name: Hot, endpoint: string | undefined): Promise<void> {
  const lambda = new LambdaClient(mesh.engine);
  const FunctionName = mesh.names.function(name);
  const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  const { AWS_ENDPOINT_URL: _, ...rest } = Environment?.Variables ?? {};
  const Variables = { ...rest, ...(endpoint !== undefined && { AWS_ENDPOINT_URL: endpoint }) };
  await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables } }));
  await waitUntilFunctionUpdatedV2({ client: lambda, maxWaitTime: 20 }, { FunctionName });
}

const callsAt = async (url: string): Promise<Record<string, number>> =>
  (await (await fetch(`${url}/calls`)).json()) as Record<string, number>;
