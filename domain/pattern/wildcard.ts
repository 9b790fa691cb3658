/** How many prefixes of wildcard patterns EventBridge lets be under way at once on one key. */
const MAX_COMPLEXITY = 10;
const MAX_STATES = 2000;
const STAR = -1;

/** What is wrong with a wildcard's text; undefined when nothing is. `*` is any run of characters, `\*` and `\\` themselves. */
export function wildcardFault(text: string): string | undefined {
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '*' && text[at + 1] === '*') return `must not have consecutive * (character ${at + 1})`;
    if (text[at] !== '\\') continue;
    if (text[at + 1] !== '*' && text[at + 1] !== '\\')
      return `must escape only * and \\ by a backslash (character ${at + 1})`;
    at += 1;
  }
  return undefined;
}

/** Whether a text fits a wildcard. */
export function fitsWildcard(text: string, wildcard: string): boolean {
  const parts = partsOf(wildcard);
  const [first = '', ...rest] = parts;
  const last = rest.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= text.length - last.length;
}

/** The texts between the stars, unescaped. */
function partsOf(wildcard: string): string[] {
  const parts = [''];
  for (const token of tokensOf(wildcard)) {
    if (token === STAR) parts.push('');
    else parts.push((parts.pop() ?? '') + String.fromCharCode(token));
  }
  return parts;
}

function tokensOf(wildcard: string): number[] {
  const tokens: number[] = [];
  for (let at = 0; at < wildcard.length; at += 1) {
    const character = wildcard.charAt(at);
    if (character === '\\') at += 1;
    tokens.push(character === '*' ? STAR : wildcard.charCodeAt(at));
  }
  return tokens;
}

/**
 * Whether EventBridge would call the wildcards of one key too complex: for some text more than ten of their prefixes
 * match at once. It counts what its open-source matcher counts (aws/event-ruler, MachineComplexityEvaluator).
 */
export function tooComplex(wildcards: string[]): boolean {
  const quote = '"'.charCodeAt(0);
  const automata = wildcards.map((wildcard) => [quote, ...tokensOf(wildcard), quote]);
  const alphabet = [...new Set(automata.flat().filter((token) => token !== STAR)), Number.NaN];
  const starts = automata.map((tokens) => ({ tokens, at: -1 }));
  const seen = new Set<string>();
  const waiting: Step[][] = [starts];
  for (let active = waiting.pop(); active; active = waiting.pop()) {
    for (const character of alphabet) {
      const next = advance(active, character);
      const name = [...next.keys()].sort((a, b) => a - b).join();
      if (next.size === 0 || seen.has(name)) continue;
      if (weight(next) > MAX_COMPLEXITY || seen.size >= MAX_STATES) return true;
      seen.add(name);
      waiting.push([...next.values()]);
    }
  }
  return false;

  function advance(active: Step[], character: number): Map<number, Step> {
    const next = new Map<number, Step>();
    for (const { tokens, at } of active) {
      const enter = (place: number): unknown => next.set(idOf(tokens, place), { tokens, at: place });
      const star = tokens[at] === STAR ? at : tokens[at + 1] === STAR ? at + 1 : undefined;
      if (star !== undefined) enter(star);
      const literal = star === undefined ? at + 1 : star + 1;
      if (tokens[literal] === character) enter(literal);
    }
    return next;
  }

  function weight(active: Map<number, Step>): number {
    let count = active.size;
    for (const { tokens, at } of active.values()) {
      if (tokens[at + 1] === STAR && !active.has(idOf(tokens, at + 1))) count += 1;
    }
    return count;
  }

  function idOf(tokens: number[], at: number): number {
    return automata.indexOf(tokens) * 4096 + at;
  }
}

interface Step {
  tokens: number[];
  at: number;
}
