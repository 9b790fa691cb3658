import type { Contract } from '../../schemas/contract.ts';
import type { MinimisationClause } from '../../schemas/dataset.ts';
import type { ContractSource } from './odcs.ts';
import { NAMESPACE, own, PROFILE } from './odrl-profile.ts';

/** The context of ODRL 2.2, and what it lacks or leaves untyped. */
export const ODRL_CONTEXT = [
  'http://www.w3.org/ns/odrl.jsonld',
  {
    odrl: 'http://www.w3.org/ns/odrl/2/',
    xsd: 'http://www.w3.org/2001/XMLSchema#',
    maille: NAMESPACE,
    uid: '@id',
    profile: { '@id': 'odrl:profile', '@type': '@id' },
    conflict: { '@id': 'odrl:conflict', '@type': '@vocab' },
    refinement: { '@id': 'odrl:refinement', '@type': '@id', '@container': '@set' },
    unit: { '@id': 'odrl:unit', '@type': '@id' },
    value: { '@id': 'http://www.w3.org/1999/02/22-rdf-syntax-ns#value', '@type': '@vocab' },
    clause: own('clause'),
    digest: own('digest'),
    state: own('state'),
    legalBasis: own('legalBasis'),
    noticeDays: own('noticeDays'),
    durationDays: own('durationDays'),
  },
] as const;

interface Constraint {
  leftOperand: string;
  operator: string;
  rightOperand: unknown;
  unit?: string;
}

/** A contract as an ODRL 2.2 agreement in JSON-LD. */
export const odrlAgreement = (source: ContractSource): object => ({
  '@context': ODRL_CONTEXT,
  ...policyOf(source),
});

/** The name by which the world outside knows a thing of a territory. */
export const urn = (territory: string, noun: string, id: string): string =>
  `urn:maille:${territory}:${noun}:${id}`;

/** The agreement without its context, as part of another document. */
export function policyOf({ contract, territory }: ContractSource): object {
  const { id, dataset, provider, consumer, digest, state, legalBasis, terms } = contract;
  const uid = urn(territory, 'contract', id);
  const parties = {
    target: urn(territory, 'dataset', dataset),
    assigner: urn(territory, 'participant', provider),
    assignee: urn(territory, 'participant', consumer),
  };
  const { minimisation, noticeDays, durationDays } = terms;
  const obligation = minimisation.flatMap((clause) =>
    clause.do === 'delay' ? [] : [dutyOf(uid, parties, clause)],
  );
  return {
    '@type': 'Agreement',
    uid,
    profile: PROFILE,
    conflict: 'odrl:prohibit',
    ...parties,
    digest,
    state,
    ...(legalBasis !== undefined && { legalBasis }),
    ...(noticeDays !== undefined && { noticeDays }),
    ...(durationDays !== undefined && { durationDays }),
    permission: [
      {
        '@type': 'Permission',
        uid: `${uid}#use`,
        ...parties,
        action: 'odrl:use',
        constraint: constraintsOf(contract),
        ...paymentOf(contract, parties),
      },
    ],
    ...(obligation.length > 0 && { obligation }),
  };
}

function constraintsOf({ purpose, from, until, types, terms }: Contract): Constraint[] {
  const { quota, minimisation } = terms;
  return [
    { leftOperand: 'odrl:purpose', operator: 'odrl:eq', rightOperand: purpose },
    { leftOperand: 'odrl:dateTime', operator: 'odrl:gteq', rightOperand: typed('dateTime', from) },
    ...(until === undefined
      ? []
      : [{ leftOperand: 'odrl:dateTime', operator: 'odrl:lt', rightOperand: typed('dateTime', until) }]),
    ...(types ? [{ leftOperand: 'odrl:event', operator: 'odrl:isAnyOf', rightOperand: types }] : []),
    ...(quota
      ? [
          {
            leftOperand: 'odrl:count',
            operator: 'odrl:lteq',
            rightOperand: typed('integer', String(quota.events)),
            unit: own(quota.per === 'P1D' ? 'eventsPerDay' : 'eventsPerMonth'),
          },
        ]
      : []),
    ...minimisation.flatMap((clause) =>
      clause.do === 'delay'
        ? [
            {
              leftOperand: 'odrl:delayPeriod',
              operator: 'odrl:gteq',
              rightOperand: typed('duration', clause.by),
            },
          ]
        : [],
    ),
  ];
}

function paymentOf({ terms: { price } }: Contract, { assigner, assignee }: Parties) {
  if (!price) return {};
  const amount: Constraint = {
    leftOperand: 'odrl:payAmount',
    operator: 'odrl:eq',
    rightOperand: typed('decimal', String(price.amount)),
    unit: `urn:iso:std:iso:4217:${price.currency}`,
  };
  const per: Constraint = { leftOperand: own('per'), operator: 'odrl:eq', rightOperand: price.per };
  // Whoever has to pay is the assigner of no right: the duty names both (ODRL Information Model 2.2 section 2.6.5).
  return {
    duty: [
      {
        '@type': 'Duty',
        action: { value: 'odrl:compensate', refinement: [amount, per] },
        assigner: assignee,
        assignee: assigner,
      },
    ],
  };
}

interface Parties {
  target: string;
  assigner: string;
  assignee: string;
}

/** What the provider has the mesh do to each event before the consumer gets it. */
function dutyOf(
  uid: string,
  { target, assigner }: Parties,
  clause: Exclude<MinimisationClause, { do: 'delay' }>,
): object {
  const refinement: Constraint[] = [
    { leftOperand: own('path'), operator: 'odrl:eq', rightOperand: clause.path },
  ];
  if (clause.do === 'round') {
    const rightOperand = typed('decimal', String(clause.to));
    refinement.push({ leftOperand: own('multiple'), operator: 'odrl:eq', rightOperand });
  }
  if (clause.do === 'pseudonymise') {
    const rightOperand = typed('duration', clause.rotate);
    refinement.push({ leftOperand: own('rotation'), operator: 'odrl:eq', rightOperand });
  }
  return {
    '@type': 'Duty',
    uid: `${uid}#${clause.clause}`,
    clause: clause.clause,
    target,
    assignee: assigner,
    action: { value: own(clause.do), refinement },
  };
}

const typed = (type: string, value: string) => ({ '@type': `xsd:${type}`, '@value': value });
