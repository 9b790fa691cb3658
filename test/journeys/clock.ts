import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { mesh } from './world.ts';

const lambda = new LambdaClient(mesh.engine);

/** Sweeps as the timer would so long from now; answers what the sweep reports. */
export async function tickIn(ms: number): Promise<Record<string, number>> {
  const Payload = Buffer.from(JSON.stringify({ now: new Date(Date.now() + ms).toISOString() }));
  const FunctionName = `maille-${mesh.territory}-clock`;
  const answer = await lambda.send(new InvokeCommand({ FunctionName, Payload }));
  const text = Buffer.from(answer.Payload ?? []).toString();
  if (answer.FunctionError) throw new Error(text);
  return JSON.parse(text);
}
