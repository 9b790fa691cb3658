import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import {
  DeleteEventBusCommand,
  DeleteRuleCommand,
  EventBridgeClient,
  ListEventBusesCommand,
  ListRulesCommand,
  ListTargetsByRuleCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import { DeleteObjectsCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';
import { DeleteQueueCommand, ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { DeleteParameterCommand, ParameterNotFound, SSMClient } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { type Names, namesOf } from '../infra/names.ts';
import { readTerritory } from '../infra/territory.ts';
import { NODE, ROOT } from './paths.ts';
import { command, say, Trouble } from './say.ts';

const HELP = `Removes a territory: what was made at run time (rules, ingress buses, pull queues), then its stacks.
In production the stores and the key that seals secrets stay, so that nothing accepted is lost.

  npm run destroy -- --territory la-rochelle [--yes]
`;

/** Removes the rules, ingress buses and pull queues of a territory, which no stack knows of. */
async function removeRunTimeThings(names: Names): Promise<void> {
  const events = new EventBridgeClient({});
  for (const bus of names.buses) say(`  ${await removeRules(events, bus)} rules of ${bus}`);
  const NamePrefix = names.ingressPrefix;
  const buses = await all(async (NextToken) => {
    const page = await events.send(new ListEventBusesCommand({ NamePrefix, NextToken }));
    return { items: page.EventBuses, next: page.NextToken };
  });
  for (const { Name } of buses) {
    if (Name) await removeRules(events, Name);
    await events.send(new DeleteEventBusCommand({ Name }));
    say(`  ingress bus ${Name}`);
  }
  const queues = new SQSClient({});
  const pullQueues = await all(async (NextToken) => {
    const request = { QueueNamePrefix: names.pullPrefix, MaxResults: 1000, NextToken };
    const page = await queues.send(new ListQueuesCommand(request));
    return { items: page.QueueUrls, next: page.NextToken };
  });
  for (const QueueUrl of pullQueues) {
    await queues.send(new DeleteQueueCommand({ QueueUrl }));
    say(`  pull queue ${QueueUrl.split('/').at(-1)}`);
  }
}

async function removeRules(client: EventBridgeClient, bus: string): Promise<number> {
  const rules = await rulesOf(client, bus);
  for (const { Name } of rules) {
    const rule = { Rule: Name, EventBusName: bus };
    const { Targets } = await client.send(new ListTargetsByRuleCommand(rule));
    const Ids = (Targets ?? []).flatMap(({ Id }) => Id ?? []);
    if (Ids.length > 0) await client.send(new RemoveTargetsCommand({ ...rule, Ids }));
    await client.send(new DeleteRuleCommand({ Name, EventBusName: bus }));
  }
  return rules.length;
}

async function rulesOf(
  client: EventBridgeClient,
  EventBusName: string,
): Promise<{ Name?: string | undefined }[]> {
  try {
    return await all(async (NextToken) => {
      const page = await client.send(new ListRulesCommand({ EventBusName, NextToken }));
      return { items: page.Rules, next: page.NextToken };
    });
  } catch (error) {
    if (error instanceof Error && error.name === 'ResourceNotFoundException') return [];
    throw error;
  }
}

// All are read before any is removed: a page's token does not outlive what it points at.
async function all<Item>(
  read: (token: string | undefined) => Promise<{ items: Item[] | undefined; next: string | undefined }>,
): Promise<Item[]> {
  const found: Item[] = [];
  let token: string | undefined;
  do {
    const { items, next } = await read(token);
    found.push(...(items ?? []));
    token = next;
  } while (token);
  return found;
}

/** What only a development territory gives up: payloads and the sealing key. */
async function removeKept(names: Names, account: string): Promise<void> {
  const s3 = new S3Client({});
  const Bucket = `${names.payloadsPrefix}${account}-${await s3.config.region()}`;
  try {
    for await (const { Contents } of paginateListObjectsV2({ client: s3 }, { Bucket })) {
      const Objects = (Contents ?? []).map(({ Key }) => ({ Key }));
      if (Objects.length > 0) await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    }
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'NoSuchBucket') throw error;
  }
  try {
    await new SSMClient({}).send(new DeleteParameterCommand({ Name: names.sealingKey }));
  } catch (error) {
    if (!(error instanceof ParameterNotFound)) throw error;
  }
}

async function confirmed(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await lines.question(question);
  lines.close();
  return answer.trim() === 'yes';
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      territory: { type: 'string' },
      yes: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return void process.stdout.write(HELP);
  if (!values.territory) throw new Trouble(`Which territory?\n\n${HELP}`);
  const territory = readTerritory(values.territory);
  const { Account = '' } = await new STSClient({}).send(new GetCallerIdentityCommand({}));
  const question = `This removes the ${territory.stage} territory ${territory.id} from account ${Account}. Type yes: `;
  if (!values.yes && !(await confirmed(question))) throw new Trouble('Nothing was removed.');
  const names = namesOf(territory);
  // The code first: its clock would make the rules anew.
  await destroyStack(values.territory, names.meshStack);
  say('removing what was made at run time');
  await removeRunTimeThings(names);
  if (territory.stage === 'development') await removeKept(names, Account);
  await destroyStack(values.territory, names.ledgerStack);
  say('removed');
}

async function destroyStack(territory: string, stack: string): Promise<void> {
  say(`removing ${stack}`);
  const cdk = join(ROOT, 'node_modules/aws-cdk/bin/cdk');
  const args = [cdk, 'destroy', stack, '--exclusively', '--force', '-c', `territory=${territory}`];
  const child = spawn(NODE, args, { cwd: ROOT, stdio: 'inherit' });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (code !== 0)
    throw new Trouble('cdk destroy failed; what it says above tells why. The command can be run again.');
}

if (import.meta.main) await command(main);
