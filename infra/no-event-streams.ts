/**
 * Takes the place of `@smithy/core/event-streams` in the bundles: the SDK loads it for operations that stream events,
 * of which the mesh calls none, and it is 20 KB of each function.
 */
function refuse(): never {
  throw new Error('infra/no-event-streams.ts: this bundle cannot call operations that stream events');
}

/** What the S3 client is configured by when it is made; it marshals nothing here. */
export const resolveEventStreamSerdeConfig = <Config>(config: Config): Config => config;

export { refuse as EventStreamSerde, refuse as eventStreamSerdeProvider };
