import {
  DeleteFunctionConcurrencyCommand,
  GetFunctionConfigurationCommand,
  LambdaClient,
  PutFunctionConcurrencyCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { expect, it } from 'vitest';
import { beat } from './clock.ts';
import {
  admit,
  agree,
  eventOf,
  eventually,
  mesh,
  pause,
  publishBatch,
  receiver,
  share,
  subscribe,
} from './world.ts';

const lambda = new LambdaClient(mesh.engine);
const FunctionName = `maille-${mesh.territory}-route`;

/** Gives `route` another environment; answers how to take it back. */
async function configure(change: Record<string, string>): Promise<() => Promise<unknown>> {
  const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  const whole = Environment?.Variables ?? {};
  const put = (Variables: Record<string, string>) =>
    lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables } }));
  await put({ ...whole, ...change });
  return () => put(whole);
}

/** What goes wrong between ledger and bus, and how it ends. */
const breakages: Record<string, () => Promise<() => Promise<unknown>>> = {
  'the bus takes nothing': () => configure({ BUS_NAMES: 'no-such-bus' }),
  'the function dies at each start': () => configure({ TERRITORY: '{' }),
  'the function is throttled': async () => {
    await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }));
    return () => lambda.send(new DeleteFunctionConcurrencyCommand({ FunctionName }));
  },
};

it.each(Object.entries(breakages))('loses nothing when %s, and later works again', async (_, breakIt) => {
  const provider = await admit('atmo', ['provider']);
  const consumer = await admit('app', ['consumer']);
  const dataset = await share(provider);
  const hook = await receiver();
  await subscribe(consumer, await agree(consumer, dataset.id), { kind: 'webhook', url: hook.url });
  const events = Array.from({ length: 120 }, (_, n) => eventOf(dataset.type, { co2: 400, n }));
  const mend = await breakIt();
  try {
    const answer = await publishBatch(provider, events);
    expect(answer.body.accepted).toBe(120);
    await pause(2000);
    expect(hook.received).toHaveLength(0);
  } finally {
    await mend();
  }
  // What route set aside, or the stream gave up on, the clock routes again from the ledger.
  await eventually(async () => {
    await beat();
    await pause(500);
    const ids = new Set(hook.received.map(({ body }) => JSON.parse(body).id));
    expect(ids).toEqual(new Set(events.map(({ id }) => id)));
  }, mesh.patienceMs * 4);
  // At least once: what came twice came under the same webhook-id.
  expect(new Set(hook.received.map(({ headers }) => headers['webhook-id'])).size).toBe(120);
});
