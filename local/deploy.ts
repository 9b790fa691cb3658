import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { CloudFormationClient, DescribeStacksCommand, type Stack } from '@aws-sdk/client-cloudformation';
import { namesOf } from '../infra/names.ts';
import { readTerritory } from '../infra/territory.ts';
import type { Engine } from './engine.ts';
import { LOCAL, NODE, ROOT } from './paths.ts';
import { tail } from './python.ts';
import { say, Trouble } from './say.ts';

const CDK = join(ROOT, 'node_modules/aws-cdk/bin/cdk');
const ACCOUNT = '000000000000';
/** How often a running deployment says how far it is. */
const TELL_EVERY_MS = 2000;

/**
 * Bundles and synthesises a territory for the engine on a port; answers the folder of the assembly. Needs no engine.
 * Folder and log are the port's own, so that several can be deployed side by side.
 */
export async function synthesise(territory: string, port: number, signal?: AbortSignal): Promise<string> {
  mkdirSync(LOCAL, { recursive: true });
  writeFileSync(join(ROOT, logOf(port)), '');
  const assembly = join(LOCAL, `cdk.out-${port}`);
  const args = ['synth', '--quiet', '-c', `territory=${territory}`, '--output', assembly];
  await cdk(args, process.env, { log: logOf(port), signal });
  say('bundled and synthesised');
  return assembly;
}

/**
 * Bootstraps an engine and deploys a territory to it; answers the address of its API. An `assembly` that is already
 * on its way saves its time.
 */
export async function deploy(
  territory: string,
  engine: Engine,
  {
    signal,
    assembly = synthesise(territory, portOf(engine), signal),
  }: { signal?: AbortSignal; assembly?: Promise<string> } = {},
): Promise<string> {
  const { ledgerStack, meshStack } = namesOf(readTerritory(territory));
  const [folder] = await Promise.all([assembly, bootstrap(engine, signal)]);
  say(`deploying ${ledgerStack} and ${meshStack}`);
  await deployAssembly(folder, engine, signal);
  say('deployed');
  return apiUrl(engine, meshStack);
}

/** Bootstraps an engine, deploys all stacks of a synthesised assembly to it, and removes the assembly's folder. */
export async function deployAssembly(folder: string, engine: Engine, signal?: AbortSignal): Promise<void> {
  await bootstrap(engine, signal);
  const flags = ['--all', '--require-approval', 'never', '--method', 'direct', '--progress', 'events'];
  await cdk(['deploy', '--app', folder, '--output', folder, ...flags], engineVariables(engine), {
    log: logOf(portOf(engine)),
    signal,
    told: progress(),
  });
  rmSync(folder, { recursive: true, force: true });
}

/** The variables with which AWS tools and SDKs speak to the engine and to nothing else. */
export function engineVariables({
  endpoint,
  region,
  accessKeyId,
  secretAccessKey,
}: Engine): NodeJS.ProcessEnv {
  return {
    ...process.env,
    // Undefined: not passed on, lest a profile of the caller wins over the keys below.
    AWS_PROFILE: undefined,
    AWS_SESSION_TOKEN: undefined,
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_EC2_METADATA_DISABLED: 'true',
    NO_PROXY: '127.0.0.1,localhost',
    no_proxy: '127.0.0.1,localhost',
  };
}

/** The configuration of an AWS SDK client that speaks to the engine. */
export const clientOf = ({ endpoint, region, accessKeyId, secretAccessKey }: Engine) => ({
  endpoint,
  region,
  credentials: { accessKeyId, secretAccessKey },
});

/** Where a deployed stack's API answers: in path style, since no engine's host names resolve everywhere. */
export async function apiUrl(engine: Engine, stackName: string): Promise<string> {
  const output = await outputsOf(engine, stackName);
  return `${engine.endpoint}/_aws/execute-api/${output('ApiId')}/${output('ApiStage')}`;
}

/** Reads the outputs of a deployed stack by their keys; one that is not there is a {@link Trouble}. */
export async function outputsOf(engine: Engine, stackName: string): Promise<(key: string) => string> {
  const stack = await describe(engine, stackName);
  return (key) => {
    const value = stack?.Outputs?.find(({ OutputKey }) => OutputKey === key)?.OutputValue;
    if (!value)
      throw new Trouble(
        `${stackName} is not deployed on ${engine.endpoint}: it has no output ${key}.\n` +
          `See ${logOf(portOf(engine))}; on an engine, what failed half-way is best begun anew: stop the engine and start again.`,
      );
    return value;
  };
}

async function bootstrap(engine: Engine, signal: AbortSignal | undefined): Promise<void> {
  if (await describe(engine, 'CDKToolkit')) return;
  // Without an app, which it would run for nothing.
  const args = ['bootstrap', `aws://${ACCOUNT}/${engine.region}`, '--app', ''];
  await cdk(args, engineVariables(engine), { log: logOf(portOf(engine)), signal });
  say('bootstrapped the engine');
}

async function describe(engine: Engine, name: string): Promise<Stack | undefined> {
  const client = new CloudFormationClient(clientOf(engine));
  try {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: name }));
    return Stacks?.[0];
  } catch (error) {
    if (error instanceof Error && error.name === 'ValidationError') return undefined;
    throw error;
  } finally {
    client.destroy();
  }
}

async function cdk(
  args: string[],
  env: NodeJS.ProcessEnv,
  {
    log,
    signal,
    told = () => undefined,
  }: { log: string; signal: AbortSignal | undefined; told?: (line: string) => void },
): Promise<void> {
  signal?.throwIfAborted();
  const file = join(ROOT, log);
  const child = spawn(NODE, [CDK, ...args, '--no-notices', '--no-color', '--ci'], {
    cwd: ROOT,
    env: { ...env, CDK_DISABLE_CLI_TELEMETRY: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // Its own process group: it starts the app as a process that would go on without it.
    detached: true,
  });
  const end = (): void => endOf(child);
  signal?.addEventListener('abort', end, { once: true });
  appendFileSync(file, `\n$ cdk ${args.join(' ')}\n`);
  const code = await finished(child, (text) => {
    appendFileSync(file, text);
    text.split('\n').forEach(told);
  });
  signal?.removeEventListener('abort', end);
  if (signal?.aborted) throw new Trouble('Stopped.');
  if (code !== 0) {
    throw new Trouble(`cdk ${args[0]} failed. The end of ${log}:\n${tail(readFileSync(file, 'utf8'), 25)}`);
  }
}

/** The port that an engine listens on. */
export const portOf = ({ endpoint }: Engine): number => Number(new URL(endpoint).port);
/** Where what the CDK says is kept, from the root of the repository. */
const logOf = (port: number): string => join('.local', `deploy-${port}.log`);

function endOf({ pid }: ChildProcessByStdio<null, Readable, Readable>): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGTERM');
  } catch {
    // It has ended already.
  }
}

function finished(
  child: ChildProcessByStdio<null, Readable, Readable>,
  written: (text: string) => void,
): Promise<number | null> {
  child.stdout.setEncoding('utf8').on('data', written);
  child.stderr.setEncoding('utf8').on('data', written);
  return new Promise((resolve) => {
    child.once('close', (code) => resolve(code));
    child.once('error', (error) => {
      written(`${error.message}\n`);
      resolve(1);
    });
  });
}

/** Reads how far CloudFormation is from what the CDK writes, and tells it now and then. */
function progress(): (line: string) => void {
  let last = Date.now();
  return (line) => {
    const found = /^(\S+) \|\s*(\d+)\/(\d+) \|/.exec(line.trim());
    if (!found || Date.now() - last < TELL_EVERY_MS) return;
    last = Date.now();
    say(`  ${found[1]}: ${found[2]} of ${found[3]}`);
  };
}
