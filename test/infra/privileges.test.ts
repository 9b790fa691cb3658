import { App, Stack } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { describe, expect, it } from 'vitest';
import { grant } from '../../infra/grants.ts';
import { HANDING } from '../../infra/handing-over.ts';
import { FUNCTIONS, type FunctionName } from '../../infra/names.ts';
import type { Territory } from '../../schemas/territory.ts';
import { synthesised } from './synthesised.ts';

interface Statement {
  Effect: 'Allow' | 'Deny';
  Action: string | string[];
  Resource?: unknown;
  NotResource?: unknown;
  Condition?: unknown;
}

const { mesh } = synthesised('la-rochelle');
const policiesOf = (change: Partial<Territory> = {}) =>
  Object.entries(synthesised('la-rochelle', change).mesh.findResources('AWS::IAM::Policy'));
const policies = policiesOf();

const list = <Value>(value: Value | Value[]): Value[] => (Array.isArray(value) ? value : [value]);
const text = (resource: unknown): string =>
  JSON.stringify(resource)
    .replace(/\{"Ref":"AWS::\w+"\}|\{"Fn::Join":\["",\[|\]\]\}|","|"/g, '')
    .replaceAll(',:', ':');

function statementsOf(name: FunctionName, change?: Partial<Territory>): Statement[] {
  const [, policy] =
    (change ? policiesOf(change) : policies).find(([id]) => id.startsWith(`${name}Role`)) ?? [];
  return policy?.['Properties'].PolicyDocument.Statement ?? [];
}

/** What a function's role says, one line for each action on each resource. */
function said(name: FunctionName, effect: Statement['Effect']): string[] {
  return statementsOf(name)
    .filter(({ Effect, Resource }) => Effect === effect && Resource !== undefined)
    .flatMap(({ Action, Resource }) =>
      list(Action).flatMap((action) => list(Resource).map((resource) => `${action} ${text(resource)}`)),
    );
}

describe('privileges', () => {
  it.each(FUNCTIONS)('%s may do something, under no managed policy', (name) => {
    expect(said(name, 'Allow').length).toBeGreaterThan(1);
    mesh.allResourcesProperties('AWS::IAM::Role', { AssumeRolePolicyDocument: {} });
    for (const { Properties } of Object.values(mesh.findResources('AWS::IAM::Role'))) {
      expect(Properties.ManagedPolicyArns).toBeUndefined();
    }
  });

  it.each(FUNCTIONS)(
    '%s has no action with a wildcard, and `*` only where AWS knows no narrower resource',
    (name) => {
      const allowed = said(name, 'Allow');
      expect(allowed.filter((line) => line.split(' ')[0]?.includes('*'))).toEqual([]);
      expect(
        allowed
          .filter((line) => / \*$/.test(line))
          .filter((line) => !/^(events:ListRules|dynamodb:ListStreams) /.test(line)),
      ).toEqual([]);
    },
  );

  it('refuses a wildcard without its reason', () => {
    const role = new Role(new Stack(new App(), 'Any'), 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    });
    expect(() => grant(role, [{ actions: ['sqs:SendMessage'], on: ['*'] }])).toThrow(/nobody says why/);
  });

  it('only route and clock put on the shared buses', () => {
    const putting = FUNCTIONS.filter((name) =>
      said(name, 'Allow').some((line) => line.startsWith('events:PutEvents')),
    );
    expect(putting).toEqual(['route', 'deliver', 'clock']);
    const onShared = putting.filter((name) =>
      said(name, 'Allow').some((line) => /^events:PutEvents .*:event-bus\/maille-/.test(line)),
    );
    expect(onShared).toEqual(['route', 'clock']);
  });

  it('only publish and admit append to the ledger, and nobody changes what it holds but to erase it', () => {
    const writes = (name: FunctionName, action: string): boolean =>
      said(name, 'Allow').some(
        (line) => line.startsWith(`dynamodb:${action} `) && line.endsWith('table/maille-la-rochelle-ledger'),
      );
    expect(FUNCTIONS.filter((name) => writes(name, 'PutItem'))).toEqual(['publish', 'admit']);
    // An expired row that TTL has not reached yet gives way to a new event of the same id.
    // The clock deletes what has expired, where TTL is late.
    expect(FUNCTIONS.filter((name) => writes(name, 'DeleteItem'))).toEqual(['publish', 'admit', 'clock']);
    expect(FUNCTIONS.filter((name) => writes(name, 'UpdateItem'))).toEqual(['api', 'clock']);
    expect(FUNCTIONS.filter((name) => writes(name, 'BatchWriteItem'))).toEqual([]);
  });

  it('lets nobody who writes the registry change or remove an audit entry', () => {
    for (const name of FUNCTIONS.filter((one) =>
      said(one, 'Allow').some((line) => /^dynamodb:PutItem .*-registry$/.test(line)),
    )) {
      const denied = statementsOf(name).filter(
        ({ Effect, Condition }) => Effect === 'Deny' && JSON.stringify(Condition ?? '').includes('audit#*'),
      );
      expect(
        denied.flatMap(({ Action }) => Action),
        name,
      ).toEqual(['dynamodb:UpdateItem', 'dynamodb:DeleteItem']);
    }
  });

  it('lets who reads large data list it: else S3 says of what is not there that it is forbidden', () => {
    const may = (action: RegExp) =>
      FUNCTIONS.filter((name) => said(name, 'Allow').some((line) => action.test(line)));
    const readers = may(/^s3:GetObject .*\/until\/\*$/);
    expect(readers).toEqual(['admit', 'deliver', 'api']);
    expect(may(/^s3:ListBucket /)).toEqual(expect.arrayContaining(readers));
  });

  it('forbids deliver to write on the buses and dead-letter queues of the mesh', () => {
    const denied = said('deliver', 'Deny').join('\n');
    expect(denied).toMatch(/^events:PutEvents .*event-bus\/maille-\*$/m);
    for (const queue of ['delivery-dead', 'rule-dead', 'route-dead', 'admit-dead'])
      expect(denied).toContain(`maille-la-rochelle-${queue}`);
  });

  it.each([
    ['deliver', 'sqs:SendMessage', /^[^ ]*GetAttDelivery[0-9A-F]+Arn[^ ]* [^ ]*-pull-\* [^ ]*:air-quality$/],
    ['deliver', 'events:PutEvents', /^[^ ]*:event-bus\/air-quality$/],
    ['clock', 's3:PutObject', /^[^ ]*:s3:::air-quality\/\*$/],
  ] as const)('denies %s %s in the account of the mesh, but on what is listed', (name, action, but) => {
    const ownDestinations = [
      'arn:aws:sqs:eu-west-3:111122223333:air-quality',
      'arn:aws:events:eu-west-3:111122223333:event-bus/air-quality',
      'air-quality',
    ];
    const denied = statementsOf(name, { ownDestinations }).filter(
      (one) => one.NotResource !== undefined && list(one.Action).includes(action),
    );
    expect(denied).toMatchObject([
      { Effect: 'Deny', Condition: { StringEquals: { 'aws:ResourceAccount': { Ref: 'AWS::AccountId' } } } },
    ]);
    expect(list(denied[0]?.NotResource).map(text).join(' ')).toMatch(but);
    const allowed = said(name, 'Allow').filter((line) => line.startsWith(`${action} `));
    expect(allowed.filter((line) => /:\*:\*:(?:\*|event-bus\/\*)$|:s3:::\*\/\*$/.test(line))).toHaveLength(1);
  });

  it("only what hands over may write what is not the territory's own, and says so to consumers", () => {
    const elsewhere = FUNCTIONS.filter((name) =>
      said(name, 'Allow').some((line) =>
        /^(?:sqs:SendMessage|events:PutEvents|s3:PutObject) .*:(?:\*:|s3:::\*)/.test(line),
      ),
    );
    expect(elsewhere.sort()).toEqual([...HANDING].sort());
  });

  it('only api and clock call functions: admit for uploads, and for an operator who sends dead letters on admit and the clock, for destinations of AWS who writes there', () => {
    const calls = (name: FunctionName): string[] =>
      said(name, 'Allow').filter((line) => line.startsWith('lambda:InvokeFunction '));
    expect(FUNCTIONS.filter((name) => calls(name).length > 0)).toEqual(['api', 'clock']);
    expect(calls('clock')).toEqual([expect.stringMatching(/admit/i)]);
    expect(calls('api')).toHaveLength(3);
    expect(calls('api').join()).toMatch(/admit/i);
    for (const name of ['clock', 'deliver'])
      expect(calls('api').join()).toMatch(new RegExp(`function:maille-la-rochelle-${name}`));
  });

  it('only api makes rules on ingress buses, and makes pull queues', () => {
    const makes = (action: string): FunctionName[] =>
      FUNCTIONS.filter((name) => said(name, 'Allow').some((line) => line.startsWith(`${action} `)));
    expect(makes('events:CreateEventBus')).toEqual(['api']);
    expect(makes('sqs:CreateQueue')).toEqual(['api']);
  });
});
