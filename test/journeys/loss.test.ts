import {
  GetFunctionConfigurationCommand,
  InvokeCommand,
  LambdaClient,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { expect, it } from 'vitest';
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

/** Gives `route` another environment. */
async function configure(change: Record<string, string>): Promise<Record<string, string>> {
  const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  const Variables = Environment?.Variables ?? {};
  await lambda.send(
    new UpdateFunctionConfigurationCommand({
      FunctionName,
      Environment: { Variables: { ...Variables, ...change } },
    }),
  );
  return Variables;
}

it('loses nothing when what stands between ledger and bus breaks, and later works again', async () => {
  const provider = await admit('atmo', ['provider']);
  const consumer = await admit('app', ['consumer']);
  const dataset = await share(provider);
  const hook = await receiver();
  await subscribe(consumer, await agree(consumer, dataset.id), { kind: 'webhook', url: hook.url });
  const events = Array.from({ length: 120 }, (_, n) => eventOf(dataset.type, { co2: 400, n }));
  const whole = await configure({ BUS_NAMES: 'no-such-bus' });
  try {
    const answer = await publishBatch(provider, events);
    expect(answer.body.accepted).toBe(120);
    await pause(2000);
    expect(hook.received).toHaveLength(0);
  } finally {
    await configure(whole);
  }
  // The stream's retries may be over by then: what they gave up on, the clock routes again from the ledger.
  await eventually(async () => {
    await lambda.send(new InvokeCommand({ FunctionName: `maille-${mesh.territory}-clock` }));
    await hook.until(120, 1000);
  }, mesh.patienceMs * 4);
  const ids = new Set(hook.received.map(({ body }) => JSON.parse(body).id));
  expect(ids).toEqual(new Set(events.map(({ id }) => id)));
  // At least once: what came twice came under the same webhook-id.
  expect(new Set(hook.received.map(({ headers }) => headers['webhook-id'])).size).toBe(120);
  await hook.close();
});
