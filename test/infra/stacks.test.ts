import { readFileSync } from 'node:fs';
import { App, Aws, Stack, Validations } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, it } from 'vitest';
import { HELD_SECONDS } from '../../domain/uploads/hold.ts';
import { RUNBOOK } from '../../infra/alarms.ts';
import { FUNCTIONS } from '../../infra/names.ts';
import { synthesised } from './synthesised.ts';

const production = synthesised('la-rochelle');
const development = synthesised('test');
const { ledger, mesh, resources } = production;
const ofType = (type: string) => Object.values(resources).filter(({ Type }) => Type === type);

describe('the stacks', () => {
  it.each([
    'AWS::EC2',
    'AWS::ECS',
    'AWS::EKS',
    'AWS::RDS',
    'AWS::KMS',
    'AWS::SecretsManager',
    'AWS::Scheduler',
    'Custom::',
    'AWS::CloudFormation',
  ])('hold nothing of %s', (prefix) => {
    expect(Object.values(resources).filter(({ Type }) => Type.startsWith(prefix))).toEqual([]);
  });

  it('keep what was accepted in production: retained, protected, recoverable', () => {
    for (const type of [
      'AWS::DynamoDB::Table',
      'AWS::S3::Bucket',
      'AWS::SQS::Queue',
      'AWS::Events::EventBus',
    ]) {
      ledger.allResources(type, { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
      development.ledger.allResources(type, { DeletionPolicy: 'Delete' });
      mesh.resourceCountIs(type, 0);
    }
    ledger.resourceCountIs('AWS::DynamoDB::Table', 3);
    ledger.allResourcesProperties('AWS::DynamoDB::Table', {
      DeletionProtectionEnabled: true,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      TimeToLiveSpecification: { AttributeName: 'expires', Enabled: true },
      BillingMode: 'PAY_PER_REQUEST',
    });
    ledger.hasResourceProperties('AWS::DynamoDB::Table', {
      StreamSpecification: { StreamViewType: 'NEW_IMAGE' },
    });
  });

  it('let nothing wait where it is dropped in silence', () => {
    ledger.allResourcesProperties('AWS::SQS::Queue', {
      MessageRetentionPeriod: 14 * 24 * 3600,
      SqsManagedSseEnabled: true,
    });
    ledger.hasResourceProperties('AWS::SQS::Queue', {
      QueueName: 'maille-la-rochelle-delivery',
      RedrivePolicy: { maxReceiveCount: 10 },
    });
    mesh.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      StartingPosition: 'TRIM_HORIZON',
      BisectBatchOnFunctionError: true,
      MaximumRetryAttempts: 10,
      DestinationConfig: { OnFailure: Match.anyValue() },
      FilterCriteria: { Filters: [{ Pattern: '{"eventName":["INSERT"]}' }] },
    });
    mesh.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      StartingPosition: Match.absent(),
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    });
    mesh.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
      DestinationConfig: { OnFailure: Match.anyValue() },
    });
  });

  it('hide a delivery message for six times as long as deliver may take', () => {
    for (const { ledger, mesh } of [production, development]) {
      const [queue] = Object.values(
        ledger.findResources('AWS::SQS::Queue', { Properties: { RedrivePolicy: Match.anyValue() } }),
      );
      const [deliver] = Object.values(
        mesh.findResources('AWS::Lambda::Function', {
          Properties: { FunctionName: Match.stringLikeRegexp('-deliver$') },
        }),
      );
      expect(queue?.['Properties'].VisibilityTimeout).toBe(6 * deliver?.['Properties'].Timeout);
    }
  });

  it('let no part of a file that never became one stay in the bucket', () => {
    synthesised('la-rochelle').ledger.hasResourceProperties('AWS::S3::Bucket', {
      LifecycleConfiguration: {
        Rules: [
          Match.objectLike({ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 }, Status: 'Enabled' }),
        ],
      },
    });
  });

  it('hold an upload for longer than a check of it may run, so that no two go on at once', () => {
    const [admit] = Object.values(
      synthesised('la-rochelle').mesh.findResources('AWS::Lambda::Function', {
        Properties: { FunctionName: Match.stringLikeRegexp('-admit$') },
      }),
    );
    expect(HELD_SECONDS).toBeGreaterThan(admit?.['Properties'].Timeout);
  });

  it('let only rules of the shared buses fill the delivery queue', () => {
    ledger.hasResourceProperties('AWS::SQS::QueuePolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Principal: { Service: 'events.amazonaws.com' },
            Condition: { ArnLike: { 'aws:SourceArn': [arn('events', 'rule/maille-la-rochelle/*')] } },
          }),
        ]),
      },
    });
  });

  it('run each function on Node 24 and ARM, under a role and a log group of its own', () => {
    mesh.resourceCountIs('AWS::Lambda::Function', FUNCTIONS.length);
    mesh.allResourcesProperties('AWS::Lambda::Function', { Runtime: 'nodejs24.x', Architectures: ['arm64'] });
    const functions = ofType('AWS::Lambda::Function').map(({ Properties }) => Properties ?? {});
    const distinct = (of: string) =>
      new Set(functions.map((properties) => JSON.stringify(properties[of]))).size;
    expect(distinct('Role')).toBe(FUNCTIONS.length);
    expect(distinct('LoggingConfig')).toBe(FUNCTIONS.length);
    mesh.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 30 });
    for (const { Description } of functions) expect(Description).toMatch(/^Failing: .{20,}/);
  });

  it('let those that send to receivers look up many names at once', () => {
    for (const name of ['deliver', 'clock', 'api'])
      mesh.hasResourceProperties('AWS::Lambda::Function', {
        FunctionName: `maille-la-rochelle-${name}`,
        Environment: { Variables: { UV_THREADPOOL_SIZE: '16' } },
      });
  });

  it('give each further shared bus to route, to the rules and to the queue', () => {
    const two = synthesised('test', { buses: 2 });
    two.ledger.resourceCountIs('AWS::Events::EventBus', 2);
    two.mesh.hasResourceProperties('AWS::Lambda::Function', {
      FunctionName: 'maille-test-route',
      Environment: { Variables: { BUS_NAMES: 'maille-test,maille-test-2' } },
    });
    expect(JSON.stringify(two.ledger.toJSON())).toContain(':rule/maille-test-2/*');
  });

  it('deploy to any partition, region and account', () => {
    const europe = synthesised('la-rochelle', {}, { account: '111122223333', region: 'eusc-de-east-1' });
    expect(europe.text).not.toMatch(/arn:aws:/);
    expect(production.text).not.toMatch(/arn:aws:|\b(eu|us)-[a-z]+-\d\b|\b\d{12}\b/);
  });
});

describe('the front door', () => {
  it('has functions of their own for publishing and pulling, and the control plane for everything else', () => {
    const called = Object.values(mesh.findResources('AWS::ApiGateway::Method')).map(({ Properties }) => ({
      method: Properties.HttpMethod as string,
      to: /(publish|pull|api)Function/.exec(JSON.stringify(Properties.Integration.Uri))?.[1],
    }));
    expect(
      called
        .filter(({ method }) => method === 'POST')
        .map(({ to }) => to)
        .sort(),
    ).toEqual(['publish', 'pull']);
    expect(called.filter(({ to }) => to === 'api').every(({ method }) => method === 'ANY')).toBe(true);
  });

  it('leads every path to a function: where a part of it is a variable, what comes behind as well', () => {
    const parts = Object.entries(mesh.findResources('AWS::ApiGateway::Resource')).map(
      ([id, { Properties }]) => ({ id, part: Properties.PathPart as string, below: Properties.ParentId.Ref }),
    );
    const open = parts.filter(({ part }) => part === '{proxy+}').map(({ below }) => below as string);
    const ends = parts.filter(
      ({ id, part }) => part !== '{proxy+}' && !parts.some(({ below }) => below === id),
    );
    const leaves = parts.filter(({ part }) => /^\{(?!proxy)/.test(part)).map(({ id }) => id);
    expect(ends).toEqual([]);
    expect(open).toEqual(expect.arrayContaining(leaves));
  });

  it('lets any body through as the bytes that were sent, and no flood', () => {
    mesh.hasResourceProperties('AWS::ApiGateway::RestApi', { BinaryMediaTypes: ['*/*'] });
    mesh.hasResourceProperties('AWS::ApiGateway::Stage', {
      MethodSettings: [Match.objectLike({ ThrottlingRateLimit: 1000, ThrottlingBurstLimit: 2000 })],
    });
  });
});

describe('cdk-nag', () => {
  it('passes the AWS Solutions pack', () => {
    expect(new AwsSolutionsChecks().validateScope(production.app).violations).toEqual([]);
  });

  it('would have said something', () => {
    const app = new App();
    new Queue(new Stack(app, 'Careless'), 'Queue');
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    expect(() => app.synth()).toThrow();
  });
});

describe('alarms', () => {
  const alarms = Object.values(mesh.findResources('AWS::CloudWatch::Alarm')).map(
    ({ Properties }) => Properties,
  );

  it('each have a section of the runbook, and each section an alarm', () => {
    const page = readFileSync(new URL(`../../${RUNBOOK}`, import.meta.url), 'utf8');
    const sections = [...page.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
    const named = alarms.map(
      ({ AlarmDescription }) => /docs\/runbook\.md#(\S+)$/.exec(AlarmDescription)?.[1],
    );
    expect(sections.sort()).toEqual(named.sort());
  });

  it('tell the address that the territory names, and nobody where it names none', () => {
    mesh.resourceCountIs('AWS::SNS::Topic', 0);
    const told = synthesised('test', { alarmEmail: 'data@example.org' }).mesh;
    told.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email', Endpoint: 'data@example.org' });
    told.allResourcesProperties('AWS::CloudWatch::Alarm', { AlarmActions: [Match.anyValue()] });
  });
});

function arn(service: string, resource: string): unknown {
  const stack = new Stack();
  return stack.resolve(`arn:${Aws.PARTITION}:${service}:${Aws.REGION}:${Aws.ACCOUNT_ID}:${resource}`);
}
