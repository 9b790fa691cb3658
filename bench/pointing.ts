import {
  GetFunctionConfigurationCommand,
  LambdaClient,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda';
import type { Hot } from './invocations.ts';
import type { Mesh } from './mesh.ts';

/** Lets a function speak to AWS at another address; undefined takes that back. */
export async function pointAt(mesh: Mesh, name: Hot, endpoint: string | undefined): Promise<void> {
  const lambda = new LambdaClient(mesh.engine);
  const FunctionName = mesh.names.function(name);
  const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  const { AWS_ENDPOINT_URL: _, ...rest } = Environment?.Variables ?? {};
  const Variables = { ...rest, ...(endpoint !== undefined && { AWS_ENDPOINT_URL: endpoint }) };
  await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables } }));
  await waitUntilFunctionUpdatedV2({ client: lambda, maxWaitTime: 20 }, { FunctionName });
}
