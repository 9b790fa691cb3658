import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';

/** Calls a function and waits for it; throws unless it ended well. */
export async function invokeAndWait(client: LambdaClient, name: string, payload: object): Promise<void> {
  const answer = await client.send(
    new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(payload) }),
  );
  // What it said may quote an event: the function's own log has it.
  if (answer.FunctionError) throw new Error(`${name} failed: ${answer.FunctionError}`);
}

/** Has a function called soon; throws unless that was taken. */
export async function invokeSoon(client: LambdaClient, name: string, payload: object): Promise<void> {
  await client.send(
    new InvokeCommand({ FunctionName: name, InvocationType: 'Event', Payload: JSON.stringify(payload) }),
  );
}
