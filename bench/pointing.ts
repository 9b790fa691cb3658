import {
  GetFunctionConfigurationCommand,
  LambdaClient,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda';
import type { FunctionName } from '../infra/names.ts';
import type { Territory } from '../schemas/territory.ts';
import type { Hot } from './invocations.ts';
import type { Mesh } from './mesh.ts';

type Variables = Record<string, string>;

/** Lets a function speak to AWS at another address. */
export const pointAt = (mesh: Mesh, name: Hot, endpoint: string): Promise<void> =>
  tell(mesh, name, (variables) => ({ ...variables, AWS_ENDPOINT_URL: endpoint }));

/** Lets a function follow the mesh's territory with other values in it. */
export const differ = (mesh: Mesh, name: FunctionName, values: Partial<Territory>): Promise<void> =>
  tell(mesh, name, ({ TERRITORY = '', ...rest }) => ({
    ...rest,
    TERRITORY: JSON.stringify({ ...(JSON.parse(TERRITORY) as Territory), ...values }),
  }));

async function tell(
  mesh: Mesh,
  name: FunctionName,
  change: (variables: Variables) => Variables,
): Promise<void> {
  const lambda = new LambdaClient(mesh.engine);
  const FunctionName = mesh.names.function(name);
  const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  const Variables = change(Environment?.Variables ?? {});
  await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables } }));
  await waitUntilFunctionUpdatedV2({ client: lambda, maxWaitTime: 20 }, { FunctionName });
}
