/** What a segment of a path says. Some gateways decode it themselves: a `%` that is left then stands for itself. */
export function decodedSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
