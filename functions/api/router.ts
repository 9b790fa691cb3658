import { decodedSegment } from '../decoded-segment.ts';
import type { Route } from './route.ts';

/** Where a request leads: a route with the named parts of the path, or the methods that the path has, or nowhere. */
export type Found = { route: Route; path: Record<string, string> } | { allow: string[] } | undefined;

// Ten lines instead of @middy/http-router: a 405 has to say which methods there are, which that one cannot.
/** Finds routes by method and path. */
export function router(routes: readonly Route[]): (method: string, path: string) => Found {
  const compiled = routes.map((route) => ({ route, pattern: patternOf(route.path) }));
  return (method, path) => {
    const here = compiled.flatMap(({ route, pattern }) => {
      const match = pattern.exec(path);
      return match ? [{ route, path: decoded(match.groups ?? {}) }] : [];
    });
    const found = here.find(({ route }) => route.method === method);
    if (found) return found;
    return here.length > 0 ? { allow: here.map(({ route }) => route.method) } : undefined;
  };
}

const patternOf = (path: string): RegExp =>
  new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')}/?$`);

const decoded = (groups: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(groups).map(([name, text]) => [name, decodedSegment(text)]));
