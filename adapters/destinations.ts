import type { HandedParcel, Handover, HandOver, HandoverAnswer } from '../domain/ports.ts';

/** The kinds of destination that something is handed over to. */
export type Kind = Handover['destination']['kind'];
/** Hands over to destinations of one kind. */
export type HandOverTo<K extends Kind> = (
  handover: Omit<Handover, 'destination'> & { destination: Handover['destination'] & { kind: K } },
) => Promise<HandedParcel[]>;

/** Hands over to whatever kind a destination is of. */
export function destinations(kinds: { [K in Kind]: HandOverTo<K> }): HandOver {
  // Safe: what stands under a kind takes destinations of that kind.
  return (handover) => (kinds[handover.destination.kind] as HandOver)(handover);
}

/** Errors by which AWS says that a resource's policy does not let the mesh in. */
const DENIED = /^(?:AccessDenied|AccessDeniedException|NotAuthorized|AuthorizationError|Forbidden)/;

/** What an AWS service answered that did not take something; where its policy is to blame, with what must be added. */
export function notTaken(
  { name, message }: { name: string; message: string },
  wanted: { principals: string[]; action: string; resource: string },
): HandoverAnswer {
  if (!DENIED.test(name)) return { kind: 'no-answer', error: `${name}: ${message}` };
  const { principals, action, resource } = wanted;
  const statement = { Effect: 'Allow', Principal: { AWS: principals }, Action: action, Resource: resource };
  return {
    kind: 'refused',
    error: `${name}: the policy of ${resource} does not let the mesh in. Add this statement: ${JSON.stringify(statement)}`,
  };
}

/** An error as it was thrown, or what was thrown instead of one. */
export const errorOf = (thrown: unknown): { name: string; message: string } =>
  thrown instanceof Error ? thrown : { name: 'Error', message: String(thrown) };
