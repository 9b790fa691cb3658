import { execFileSync } from 'node:child_process';
import {
  GetFunctionConfigurationCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
  type UpdateEventSourceMappingCommandInput,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import {
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { readDeliveryMessage } from '../adapters/sqs/delivery-queue.ts';
import { type Mesh, openMesh } from '../bench/mesh.ts';
import { FUNCTIONS, type FunctionName } from '../infra/names.ts';
import { type FaultProxy, faultProxy } from './proxy.ts';
import { openReceivers, type Receivers } from './receivers.ts';

/** How long a delivery message that was not acknowledged stays hidden; production's 6 × the function's time is long. */
const HIDDEN_SECONDS = 5;

/** A mesh on an engine of its own, with a proxy between its functions and the engine, and hands on both. */
export interface World {
  mesh: Mesh;
  proxy: FaultProxy;
  receivers: Receivers;
  sqs: SQSClient;
  lambda: LambdaClient;
  /** Kills the processes of a function with SIGKILL, as a crash would; answers how many there were. */
  kill: (name: FunctionName) => number;
  /** Sets variables of a function, or its time limit in seconds; its processes start anew. */
  configure: (
    name: FunctionName,
    change: { env?: Record<string, string>; timeout?: number },
  ) => Promise<void>;
  /** Lets the functions speak to AWS through the proxy: after a deployment, which knows of none. */
  pointAtProxy: () => Promise<void>;
  /** Changes the event source of `route` or `deliver`. */
  source: (name: FunctionName, change: Partial<UpdateEventSourceMappingCommandInput>) => Promise<void>;
  queueUrl: (name: string) => string;
  hideFor: (seconds?: number) => Promise<void>;
  /** Does what the runbook tells for delivery dead letters: sends them back; answers how many. */
  redrive: () => Promise<number>;
  close: () => Promise<void>;
}

/** Starts an engine, deploys the test territory, and puts the proxy between. */
export async function openWorld(): Promise<World> {
  const mesh = await openMesh();
  try {
    return await worldAround(mesh);
  } catch (error) {
    await mesh.close();
    throw error;
  }
}

async function worldAround(mesh: Mesh): Promise<World> {
  const lambda = new LambdaClient(mesh.engine);
  const sqs = new SQSClient(mesh.engine);
  const proxy = await faultProxy(mesh.engine.endpoint);
  const receivers = await openReceivers();
  const queueUrl = (name: string): string => `${mesh.engine.endpoint}/000000000000/${name}`;
  const world: World = {
    mesh,
    proxy,
    receivers,
    sqs,
    lambda,
    kill: (name) => killWorkers(mesh, name),
    configure: (name, change) => configure(world, name, change),
    pointAtProxy: async () => {
      for (const name of FUNCTIONS) await configure(world, name, { env: { AWS_ENDPOINT_URL: proxy.url } });
    },
    source: (name, change) => changeSource(world, name, change),
    queueUrl,
    async hideFor(seconds = HIDDEN_SECONDS) {
      const Attributes = { VisibilityTimeout: String(seconds) };
      await sqs.send(new SetQueueAttributesCommand({ QueueUrl: queueUrl(mesh.names.delivery), Attributes }));
    },
    redrive: () => redrive(world),
    async close() {
      await mesh.close();
      await proxy.close();
      await receivers.close();
    },
  };
  await world.pointAtProxy();
  await world.hideFor();
  return world;
}

async function configure(
  { lambda, mesh, proxy }: World,
  name: FunctionName,
  { env = {}, timeout }: { env?: Record<string, string>; timeout?: number },
): Promise<void> {
  const FunctionName = mesh.names.function(name);
  const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  // Addresses of queues too: the SDK goes where a queue's address says, whatever its endpoint is.
  const text = JSON.stringify({ ...Environment?.Variables, ...env }).replaceAll(
    mesh.engine.endpoint,
    proxy.url,
  );
  const Variables = JSON.parse(text) as Record<string, string>;
  await lambda.send(
    new UpdateFunctionConfigurationCommand({
      FunctionName,
      Environment: { Variables },
      ...(timeout !== undefined && { Timeout: timeout }),
    }),
  );
}

/** The engine runs each function in processes whose script lies in a folder named after it, below the engine's own. */
function killWorkers({ engine, names }: Mesh, name: FunctionName): number {
  const folder = `engine-${new URL(engine.endpoint).port}/`;
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,args='], { encoding: 'utf8' }).split('\n');
  const pids = lines
    .filter((line) => line.includes(folder) && line.includes(`ministack-lambda-${names.function(name)}-`))
    .map((line) => Number.parseInt(line.trim(), 10));
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
  return pids.length;
}

async function changeSource(
  { lambda, mesh }: World,
  name: FunctionName,
  change: Partial<UpdateEventSourceMappingCommandInput>,
): Promise<void> {
  const FunctionName = mesh.names.function(name);
  const { EventSourceMappings = [] } = await lambda.send(
    new ListEventSourceMappingsCommand({ FunctionName }),
  );
  for (const { UUID } of EventSourceMappings)
    await lambda.send(new UpdateEventSourceMappingCommand({ ...change, UUID }));
}

async function redrive({ sqs, mesh, queueUrl }: World): Promise<number> {
  const from = queueUrl(mesh.names.deliveryDead);
  let count = 0;
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: from, MaxNumberOfMessages: 10, VisibilityTimeout: 1 }),
    );
    const deliveries = Messages.filter(({ Body = '' }) => readDeliveryMessage(Body));
    for (const { Body, ReceiptHandle } of deliveries) {
      await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl(mesh.names.delivery), MessageBody: Body }));
      await sqs.send(new DeleteMessageCommand({ QueueUrl: from, ReceiptHandle }));
    }
    count += deliveries.length;
    if (deliveries.length === 0) return count;
  }
}
