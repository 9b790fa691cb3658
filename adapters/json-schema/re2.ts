import { createRequire } from 'node:module';
import type { RE2JS as Re2 } from 're2js';

/** What ajv needs of a regular expression; ajv tells patterns apart by their text. */
interface Pattern {
  test(text: string): boolean;
  toString(): string;
}

const require = createRequire(import.meta.url);
let loaded: typeof Re2 | undefined;

/** Loaded when the first pattern is met: its tables are a fifth of a function, and few schemas have a pattern. */
function engine(): typeof Re2 {
  // Safe: this is what the module exports.
  loaded ??= (require('re2js') as { RE2JS: typeof Re2 }).RE2JS;
  return loaded;
}

/** Compiles a pattern by RE2, whose time is linear in the text: a participant's pattern cannot stop the mesh. */
export function re2(pattern: string): Pattern {
  const RE2JS = engine();
  const compiled = RE2JS.compile(RE2JS.translateRegExp(pattern));
  return { test: (text) => compiled.test(text), toString: () => `/${pattern}/` };
}
/** Only what generates stand-alone code reads this; ajv's type asks for it. */
re2.code = 're2';

/** Why a pattern cannot be used, or undefined: it must be one of ECMA-262, as JSON Schema says, that RE2 can run. */
export function patternFault(pattern: string): string | undefined {
  try {
    new RegExp(pattern);
    re2(pattern);
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return `must be a regular expression that RE2 can run (no look-around, no back-references): ${reason}`;
  }
}
