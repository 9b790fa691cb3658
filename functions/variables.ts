import type { Territory } from '../schemas/territory.ts';

/** Reads a variable's text; throws a message that says what is wrong with it, without its text. */
export type Variable<Value> = (text: string) => Value;

/** What comes of reading each variable. */
type Read<Variables extends Record<string, Variable<unknown>>> = {
  [Name in keyof Variables]: ReturnType<Variables[Name]>;
};

/** Reads the whole environment of a function. */
export type Environment<Values extends object = object> = (given: NodeJS.ProcessEnv) => Values;

/** What a stack must tell a function with that environment: a forgotten variable does not compile. */
export type Told<Asking extends Environment> = Record<Extract<keyof ReturnType<Asking>, string>, string>;

/**
 * How a function reads what its stack tells it; throws one error that names each variable that is missing or wrong. No
 * schema library: that would be a tenth of a cold start, for texts that the same release has written.
 */
export const environmentOf =
  <Variables extends Record<string, Variable<unknown>>>(variables: Variables): Environment<Read<Variables>> =>
  (given) => {
    const wrong: string[] = [];
    const read = Object.entries(variables).map(([name, variable]) => {
      try {
        return [name, variable(present(given[name]))];
      } catch (error) {
        wrong.push(`${name} ${error instanceof Error ? error.message : String(error)}`);
        return [name, undefined];
      }
    });
    if (wrong.length > 0) throw new Error(`What the stack tells this function is wrong: ${wrong.join('; ')}`);
    return Object.fromEntries(read) as Read<Variables>; // each was read by the variable of its name
  };

function present(text = ''): string {
  if (text === '') throw new Error('is missing');
  return text;
}

/** A name or an ARN. */
export const nameVariable: Variable<string> = (text) => text;

/** Names separated by commas; at least one. */
export const namesVariable: Variable<string[]> = (text) => text.split(',');

/** A URL. */
export const urlVariable: Variable<string> = (text) => {
  if (!URL.canParse(text)) throw new Error('is not a URL');
  return text;
};

/**
 * The whole territory, given to each function as JSON, so that none has a configuration of its own. It was validated
 * when the stack was synthesised, which wrote what came out of that: a cold start does not do it again.
 */
export const territoryVariable: Variable<Territory> = (text) => {
  try {
    return JSON.parse(text) as Territory;
  } catch {
    throw new Error('is not JSON');
  }
};

/** Where the mesh answers, as others reach it; `{endpoint}` is where AWS answers, which a local engine alone tells. */
export const publicUrlVariable: Variable<string> = (text) =>
  text.replace('{endpoint}', process.env['AWS_ENDPOINT_URL'] ?? '');

/**
 * An address of AWS; on a local engine the same path there. Its host is not looked at: what an engine says of itself
 * (`s3.us-east-1.127.0.0.1`) need not be a host name.
 */
export const engineVariable: Variable<string> = (text) => {
  const engine = process.env['AWS_ENDPOINT_URL'];
  return engine === undefined ? text : text.replace(/^https?:\/\/[^/]*/, engine.replace(/\/$/, ''));
};
