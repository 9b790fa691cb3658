import { dirname, join } from 'node:path';
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { App } from 'aws-cdk-lib';
import { apiUrl, clientOf, deployAssembly, outputsOf } from '../../local/deploy.ts';
import { openEngine } from '../../local/engine.ts';
import { LOCAL } from '../../local/paths.ts';
import { SECRET } from '../given.ts';
import type { Door } from '../load.ts';
import { freePort } from '../mesh.ts';
import { bundled } from '../processes.ts';
import { SPIKE, spikeStack } from './stack.ts';

/** The spike, deployed on an engine of its own. */
export interface Spike extends Door {
  /** Makes a rule for the events whose subject is one of these, as a subscription would. */
  subscribe: (id: string, subjects: string[]) => Promise<void>;
  close: () => Promise<void>;
}

/** Starts an engine for the spike and deploys it; each of its deliveries is posted to `webhook`. */
export async function openSpike(webhook: string): Promise<Spike> {
  const running = await openEngine(await freePort());
  try {
    const outdir = join(LOCAL, 'bench/spike.out');
    const app = new App({ outdir });
    spikeStack(app, { bundleOf: (name) => dirname(bundled(name, 'floors').path), webhook, secret: SECRET });
    app.synth();
    await deployAssembly(outdir, running);
    const events = new EventBridgeClient(clientOf(running));
    const output = await outputsOf(running, SPIKE);
    return {
      url: await apiUrl(running, SPIKE),
      provider: { id: 'anybody', key: 'none' },
      subscribe: (id, subjects) => putRule(events, output('QueueArn'), id, subjects),
      close: () => running.stop(),
    };
  } catch (error) {
    await running.stop();
    throw error;
  }
}

async function putRule(
  events: EventBridgeClient,
  queueArn: string,
  id: string,
  subjects: string[],
): Promise<void> {
  const EventPattern = JSON.stringify({ source: ['bare'], detail: { event: { subject: subjects } } });
  await events.send(new PutRuleCommand({ Name: id, EventBusName: SPIKE, EventPattern }));
  const InputTransformer = {
    InputPathsMap: { detail: '$.detail' },
    InputTemplate: `{"subscription":${JSON.stringify({ id })},"event":<detail>}`,
  };
  const target = { Id: 'queue', Arn: queueArn, InputTransformer, SqsParameters: { MessageGroupId: id } };
  await events.send(new PutTargetsCommand({ Rule: id, EventBusName: SPIKE, Targets: [target] }));
}
