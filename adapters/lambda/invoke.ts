import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';

/** Calls a function and waits for it; throws unless it ended well. */
export async function invokeAndWait(client: LambdaClient, name: string, payload: object): Promise<void> {
  await invokeForAnswer(client, name, payload, { parse: () => undefined });
}

/** Calls a function and waits for its answer, which must be what `read` says; throws unless it ended well. */
export async function invokeForAnswer<Answer>(
  client: LambdaClient,
  name: string,
  payload: object,
  read: { parse: (answer: unknown) => Answer },
): Promise<Answer> {
  const answer = await client.send(
    new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(payload) }),
  );
  // What it said may quote an event: the function's own log has it.
  if (answer.FunctionError) throw new Error(`${name} failed: ${answer.FunctionError}`);
  return read.parse(JSON.parse(answer.Payload?.transformToString() ?? 'null'));
}

/** Has a function called soon; throws unless that was taken. */
export async function invokeSoon(client: LambdaClient, name: string, payload: object): Promise<void> {
  await client.send(
    new InvokeCommand({ FunctionName: name, InvocationType: 'Event', Payload: JSON.stringify(payload) }),
  );
}
