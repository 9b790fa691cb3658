/** What the names below are relative to; a name that never resolves until the project has a home. */
export const NAMESPACE = 'https://maille.example/ns#';

/** The profile that gives the actions and operands of the mesh their meaning (ODRL Information Model 2.2 section 3). */
export const PROFILE = 'https://maille.example/ns/odrl';

/** One term that ODRL lacks: what it is in ODRL's own classes, and what it means. */
interface OwnTerm {
  is: 'Action' | 'LeftOperand' | 'Unit' | 'Property';
  means: string;
}

/** Every term of the profile. An agreement can name no other one: their names are a type. */
export const OWN_TERMS = {
  drop: { is: 'Action', means: 'Leave out whatever is at a path of the event.' },
  round: { is: 'Action', means: 'Round what is at a path to a multiple, positions to a grid of metres.' },
  pseudonymise: {
    is: 'Action',
    means: 'Put a pseudonym, kept for one contract and one period, in place of what is at a path.',
  },
  path: {
    is: 'LeftOperand',
    means: 'Where in the event: a JSON Pointer (RFC 6901), * standing for each element or member.',
  },
  multiple: { is: 'LeftOperand', means: 'The multiple to round to: a number, metres where positions are.' },
  rotation: { is: 'LeftOperand', means: 'How long one pseudonym stands for one value: an xsd:duration.' },
  per: {
    is: 'LeftOperand',
    means: 'What an amount is paid for: event, P1D (a day) or P1M (a calendar month).',
  },
  eventsPerDay: { is: 'Unit', means: 'Of odrl:count: events a day, in UTC.' },
  eventsPerMonth: { is: 'Unit', means: 'Of odrl:count: events a calendar month, in UTC.' },
  clause: { is: 'Property', means: 'The name by which verdicts tell a duty.' },
  digest: {
    is: 'Property',
    means: 'SHA-256 of what both parties consented to, as canonical JSON (RFC 8785).',
  },
  state: { is: 'Property', means: 'How far the agreement is in its life.' },
  legalBasis: {
    is: 'Property',
    means: 'On what basis the assignee processes personal data (GDPR article 6).',
  },
  noticeDays: { is: 'Property', means: 'Days of notice before a changed offer binds.' },
  durationDays: { is: 'Property', means: 'Days for which the dataset is offered at most.' },
} as const satisfies Record<string, OwnTerm>;

/** The name of a term as agreements write it. */
export const own = (name: keyof typeof OWN_TERMS): string => `maille:${name}`;

const ODRL = 'http://www.w3.org/ns/odrl/2/';
const SKOS = 'http://www.w3.org/2004/02/skos/core#';
const CLASSES: { [Kind in OwnTerm['is']]: string[] } = {
  Action: [`${ODRL}Action`, `${SKOS}Concept`],
  LeftOperand: [`${ODRL}LeftOperand`, `${SKOS}Concept`],
  Unit: [`${SKOS}Concept`],
  Property: ['http://www.w3.org/1999/02/22-rdf-syntax-ns#Property'],
};

/** The profile as JSON-LD without a context, for whoever evaluates agreements by program. */
export const profileDocument = (): object[] => [
  { '@id': PROFILE, [`${SKOS}definition`]: [{ '@value': 'The ODRL profile of Maille.', '@language': 'en' }] },
  ...Object.entries(OWN_TERMS).map(([name, { is, means }]) => ({
    '@id': NAMESPACE + name,
    '@type': CLASSES[is],
    'http://www.w3.org/2000/01/rdf-schema#isDefinedBy': [{ '@id': PROFILE }],
    [`${SKOS}definition`]: [{ '@value': means, '@language': 'en' }],
    // Whoever may only be given a coarser event still uses it (Information Model section 3.1: actions are included).
    ...(is === 'Action' && { [`${ODRL}includedIn`]: [{ '@id': `${ODRL}use` }] }),
  })),
];

/** The profile as a page. */
export const profilePage = (): string =>
  [
    '# The ODRL profile of Maille',
    '',
    'Written by `npm run docs` from `domain/contracts/odrl-profile.ts`; a test compares it.',
    '',
    'The agreement of a contract (`GET /v1/contracts/{id}/document` with `Accept: application/ld+json`) is ODRL 2.2 with',
    `the profile \`${PROFILE}\`. What it takes from ODRL means what W3C says; what ODRL lacks is here, below`,
    `\`${NAMESPACE}\`. [odrl-profile.json](odrl-profile.json) says the same as JSON-LD.`,
    '',
    '| term | is | means |',
    '| --- | --- | --- |',
    ...Object.entries(OWN_TERMS).map(([name, { is, means }]) => `| \`${name}\` | ${is} | ${means} |`),
    '',
  ].join('\n');
