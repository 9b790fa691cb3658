import type * as Ajv from 'ajv/dist/2020.js';
import type * as AjvFormats from 'ajv-formats/dist/formats.js';
import { createRequire } from 'node:module';
import { createContext, Script } from 'node:vm';
import type { SchemaJudge } from '../../domain/ports.ts';
import type { JsonSchema } from '../../schemas/dataset.ts';
import type { Fault } from '../../schemas/problem.ts';
import { dialectFaults } from './check.ts';
import { costOf } from './cost.ts';
import { DIALECT, FORMATS, isObject } from '../../domain/json-schema/dialect.ts';
import { toFaults } from './faults.ts';
import { re2 } from './re2.ts';
import { readDocument } from '../../domain/json-schema/references.ts';

/** How many compiled schemas are kept; the least recently used gives way. */
const KEPT_SCHEMAS = 256;
/** How long data may be judged by a schema whose cost the data decides. */
const TIME_LIMIT_MS = 250;

type Judgement = (data: unknown) => Fault[];

/** Judges data by JSON Schema 2020-12 with ajv: strict, every error, formats asserted, patterns by RE2. */
export function schemaJudge({ kept = KEPT_SCHEMAS }: { kept?: number } = {}): SchemaJudge {
  const judgements = new Map<string, Judgement>();
  return {
    check(schema) {
      const dialect = dialectFaults(schema);
      const faults = [...dialect, ...metaFaults(schema, dialect)];
      return faults.length > 0 ? faults : compileFaults(schema);
    },
    judge(id, schema) {
      const judgement = judgements.get(id) ?? toJudgement(schema);
      judgements.delete(id);
      judgements.set(id, judgement);
      const [oldest] = judgements.keys();
      if (judgements.size > kept && oldest !== undefined) judgements.delete(oldest);
      return judgement;
    },
  };
}

const OPTIONS: Ajv.Options = {
  strict: true,
  // Lint, not faults: a schema may leave a type out, close a tuple elsewhere, or require what it does not describe.
  strictTypes: false,
  strictTuples: false,
  strictRequired: false,
  allErrors: true,
  allowMatchingProperties: true,
  // ajv resolves anchors, but does not count the keyword among those it knows.
  keywords: ['$anchor'],
  // Inlining would multiply the code of a schema that is referred to often.
  inlineRefs: false,
  logger: false,
  code: { regExp: re2 },
};

const require = createRequire(import.meta.url);
let loaded: { make: typeof Ajv.Ajv2020; formats: Ajv.Options['formats'] } | undefined;

/** Loaded with the first schema: it is a third of `publish`, which refuses without it whoever has no key. */
function newAjv(more: Ajv.Options = {}): Ajv.Ajv2020 {
  if (!loaded) {
    // Safe: these are what the modules export.
    const { Ajv2020: make } = require('ajv/dist/2020.js') as typeof Ajv;
    const { fastFormats } = require('ajv-formats/dist/formats.js') as typeof AjvFormats;
    loaded = { make, formats: Object.fromEntries(FORMATS.map((name) => [name, fastFormats[name]])) };
  }
  const { make, formats } = loaded;
  return new make({ ...OPTIONS, ...(formats && { formats }), ...more });
}

let meta: Ajv.Ajv2020 | undefined;

/** What the meta-schema says; not asked where a fault of size was found. */
function metaFaults(schema: JsonSchema, found: Fault[]): Fault[] {
  if (!isObject(schema) || found.some(({ path }) => path === '')) return [];
  meta ??= newAjv();
  // By the mesh's dialect, whatever it states: `dialectFaults` told of another one.
  const dialect = { ...schema, $schema: DIALECT };
  if (meta.validateSchema(dialect) === true) return [];
  const told = new Set(found.map(({ path }) => path));
  return toFaults(meta.errors ?? [], '').filter(({ path }) => !told.has(path));
}

function compileFaults(schema: JsonSchema): Fault[] {
  try {
    const validate = compile(schema, refuseUndeclared);
    for (const value of PROBES) validate(value);
    return [];
  } catch (error) {
    const message = error instanceof ReferenceError ? NOT_RUN : messageOf(error);
    return [{ path: '', message: `cannot be used: ${message}` }];
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A value of each kind, on which a schema is tried before it is taken. */
const PROBES = [null, true, 0, '', [], [0], {}, { a: 0 }];

const NOT_RUN =
  'the validator cannot follow how its conditions and what they refer to are nested: ' +
  'write out what a $ref below if, oneOf, anyOf or unevaluated… refers to, or nest less';

/**
 * Of some nested conditions and `$ref` ajv generates code that counts what was evaluated in variables that it never
 * declares. Which data get there cannot be foreseen, so that the code itself is looked at.
 */
function refuseUndeclared(code: string): string {
  const bare = code.replace(/"(?:[^"\\]|\\.)*"/g, '""');
  const declared = new Set(Array.from(bare.matchAll(/\b(?:let|const|var) (\w+)/g), ([, name]) => name));
  for (const [name] of bare.matchAll(/(?<![\w$.])(?:props|items)\d+\b/g))
    if (!declared.has(name)) throw new ReferenceError(`${name} is not declared`);
  return code;
}

// One instance for each schema: an `$id` is its owner's own name for it, which others may give too, and all that was
// compiled goes when it is no longer kept.
function compile(schema: JsonSchema, process?: (code: string) => string): Ajv.ValidateFunction {
  const ajv = newAjv({
    validateSchema: false,
    meta: false,
    ownProperties: namesInherited(schema),
    ...(process && { code: { ...OPTIONS.code, process } }),
  });
  return ajv.compile(schema);
}

const INHERITED = Object.getOwnPropertyNames(Object.prototype).map((name) => JSON.stringify(name));

/** Whether a schema speaks of a member such as `constructor`, which every object seems to have unless one looks twice. */
function namesInherited(schema: JsonSchema): boolean {
  const text = JSON.stringify(schema);
  return INHERITED.some((name) => text.includes(name));
}

function toJudgement(schema: JsonSchema): Judgement {
  const validate = compile(schema);
  const { dataDecides } = isObject(schema) ? costOf(readDocument(schema), schema) : { dataDecides: false };
  return (data) => {
    try {
      const valid = dataDecides ? withinTime(() => validate(data)) : validate(data);
      return valid ? [] : toFaults(validate.errors ?? [], '/data');
    } catch (error) {
      if (isOverrun(error))
        return [{ path: '/data', message: 'is too deep or too large to be judged by its schema' }];
      // Taken before such schemas were refused: sent again, the same would come of it.
      if (error instanceof ReferenceError)
        return [{ path: '/data', message: `cannot be judged, since its schema cannot be used: ${NOT_RUN}` }];
      throw error;
    }
  };
}

let guard: { script: Script; scope: { run?: () => boolean } } | undefined;

/** Stops what runs too long. Starting the watch costs 0.2 ms, so that only what needs it is watched. */
function withinTime(run: () => boolean): boolean {
  guard ??= { script: new Script('run()'), scope: createContext({}) };
  guard.scope.run = run;
  return guard.script.runInContext(guard.scope, { timeout: TIME_LIMIT_MS }) === true;
}

// By name, not by class: what the watch throws comes from its own realm.
const isOverrun = (error: unknown): boolean =>
  typeof error === 'object' &&
  error !== null &&
  (('code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') ||
    ('name' in error && error.name === 'RangeError'));
