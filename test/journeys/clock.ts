import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { mesh } from './world.ts';

const lambda = new LambdaClient(mesh.engine);
const FunctionName = `maille-${mesh.territory}-clock`;

/** Sweeps as the timer does. */
export const beat = () => lambda.send(new InvokeCommand({ FunctionName }));

/** Sweeps as the timer would so long from now; answers what the sweep reports. */
export async function tickIn(ms: number): Promise<Record<string, number>> {
  const Payload = Buffer.from(JSON.stringify({ now: new Date(Date.now() + ms).toISOString() }));
  const answer = await lambda.send(new InvokeCommand({ FunctionName, Payload }));
  const text = Buffer.from(answer.Payload ?? []).toString();
  if (answer.FunctionError) throw new Error(text);
  return JSON.parse(text);
}
