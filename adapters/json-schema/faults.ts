import type { ErrorObject } from 'ajv/dist/2020.js';
import { pointerToken, type Fault } from '../../schemas/problem.ts';

/** So many faults say enough of one event. */
const MOST_FAULTS = 100;

/** What ajv found, as faults with JSON Pointers below `base`, each once; none of them holds a value of the data. */
export function toFaults(errors: ErrorObject[], base: string): Fault[] {
  const faults = new Map<string, Fault>();
  for (const error of errors) {
    if (faults.size === MOST_FAULTS) break;
    const fault = { path: base + error.instancePath + memberOf(error), message: messageOf(error) };
    faults.set(`${fault.path}\n${fault.message}`, fault);
  }
  return [...faults.values()];
}

// Parameters as ajv documents them; each is looked up by name, and a missing one reads as undefined.
const parameter = (error: ErrorObject, name: string): unknown =>
  (error.params as Record<string, unknown>)[name];

const MEMBER_PARAMETERS: Readonly<Record<string, string>> = {
  required: 'missingProperty',
  dependentRequired: 'missingProperty',
  additionalProperties: 'additionalProperty',
  unevaluatedProperties: 'unevaluatedProperty',
  propertyNames: 'propertyName',
};

/** The member that a fault is about, where the fault is told of the object around it. */
function memberOf(error: ErrorObject): string {
  const name = MEMBER_PARAMETERS[error.keyword];
  const member = name === undefined ? error.propertyName : parameter(error, name);
  return typeof member === 'string' ? `/${pointerToken(member)}` : '';
}

function messageOf(error: ErrorObject): string {
  switch (error.keyword) {
    case 'required':
      return 'is required';
    case 'dependentRequired':
      return `is required where ${String(parameter(error, 'property'))} is present`;
    case 'additionalProperties':
    case 'unevaluatedProperties':
    case 'false schema':
      return 'is not allowed here';
    case 'propertyNames':
      return 'is not an allowed name';
    case 'enum':
      return `must be one of ${listed(parameter(error, 'allowedValues'))}`;
    case 'const':
      return `must be ${JSON.stringify(parameter(error, 'allowedValue'))}`;
    default:
      return error.message ?? `fails ${error.keyword}`;
  }
}

const MOST_LISTED = 20;

function listed(values: unknown): string {
  const all = Array.isArray(values) ? values.map((value) => JSON.stringify(value)) : [];
  const more = all.length - MOST_LISTED;
  return all.slice(0, MOST_LISTED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
