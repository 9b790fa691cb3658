import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Duration } from 'aws-cdk-lib';
import { AssetHashType, DockerImage, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  Code,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  SystemLogLevel,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Environment, Told } from '../functions/variables.ts';
import { bundle, HANDLERS } from './bundle.ts';
import { arnOf, type Grant, grant } from './grants.ts';
import { type FunctionName, namesOf, roleNameOf } from './names.ts';
import type { MeshProps } from './mesh-props.ts';

/**
 * Of functions that send to receivers: names are looked up on libuv's threads, four unless told, and a few slow name servers
 * of one consumer must leave some to the others (Node's documentation of `dns.lookup`).
 */
export const THREADS = '16';

/** A function of the mesh, as its step declares it. */
export interface HouseFunctionProps<Asking extends Environment> extends MeshProps {
  /** What the handler reads `process.env` with. */
  environment: Asking;
  variables: Told<Asking> & Record<string, string>;
  /** What it means to people when this function fails; shown as its description. */
  failureMeans: string;
  grants: Grant[];
  memoryMb: number;
  timeout: Duration;
}

/** A function with the standards of the house: Node 24 on ARM, one bundle, its own role, its own logs. */
export class HouseFunction extends Construct {
  readonly lambda: LambdaFunction;
  readonly role: Role;

  constructor(scope: Construct, name: FunctionName, props: HouseFunctionProps<Environment>) {
    super(scope, name);
    const functionName = namesOf(props.territory).function(name);
    const logGroupName = `/aws/lambda/${functionName}`;
    this.role = new Role(this, 'Role', {
      roleName: roleNameOf(props.territory, name, Stack.of(this).region),
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    });
    grant(this.role, [logging(Stack.of(this), logGroupName), ...props.grants]);
    this.lambda = new LambdaFunction(this, 'Function', {
      functionName,
      description: `Failing: ${props.failureMeans}`.slice(0, 256),
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      code: code(name, props.handlers),
      handler: 'index.handler',
      role: this.role.withoutPolicyUpdates(),
      environment: props.variables,
      memorySize: props.memoryMb,
      timeout: props.timeout,
      // The house's own line says what the platform's three would, at a third of the price.
      loggingFormat: LoggingFormat.JSON,
      systemLogLevelV2: SystemLogLevel.WARN,
      logGroup: new LogGroup(this, 'Logs', {
        logGroupName,
        retention: RetentionDays.ONE_MONTH,
        removalPolicy: RemovalPolicy.DESTROY,
      }),
    });
    // Lambda tries what its role allows as soon as the function exists.
    this.lambda.node.addDependency(this.role);
  }

  /** Forbids, whatever else the role is given; with conditions, only where they hold. */
  deny(actions: string[], on: string[], conditions: Record<string, object> = {}): void {
    this.role.addToPolicy(new PolicyStatement({ effect: Effect.DENY, actions, resources: on, conditions }));
  }

  /** Forbids on everything else, where the conditions hold. */
  denyAllBut(actions: string[], on: string[], conditions: Record<string, object>): void {
    this.role.addToPolicy(
      new PolicyStatement({ effect: Effect.DENY, actions, notResources: on, conditions }),
    );
  }
}

/** Declares a function with its environment typed by what the handler reads it with. */
export const houseFunction = <Asking extends Environment>(
  scope: Construct,
  name: FunctionName,
  props: HouseFunctionProps<Asking>,
): HouseFunction => new HouseFunction(scope, name, props as HouseFunctionProps<Environment>);

const logging = (stack: Stack, logGroup: string): Grant => ({
  actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
  on: [arnOf(stack, 'logs', `log-group:${logGroup}:*`)],
  because: 'Lambda names the log streams of its own log group',
});

function code(name: FunctionName, handlers: string = HANDLERS): Code {
  const tryBundle = (folder: string): true => {
    for (const [path, contents] of Object.entries(bundle(name, handlers))) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), contents);
    }
    return true;
  };
  return Code.fromAsset(join(handlers, name), {
    assetHashType: AssetHashType.OUTPUT,
    // The image is asked for by the type and never used: the bundler runs here.
    bundling: { image: DockerImage.fromRegistry('none'), local: { tryBundle } },
  });
}
