/** Scores of one image as the snapshot has them: whichever is shorter. */
export type EncodedScores = { readonly dense: string } | { readonly runs: readonly number[] }

/** What a run takes as JSON: three numbers with their commas, as the format says. */
const RUN_CHARS = 13

/** Encodes the score of each node, 0 to 255, in the order of the nodes. Undefined: all have 0, as hosts without Shoal do. */
export function encodeScores(scores: Uint8Array): EncodedScores | undefined {
  const mostRuns = Math.ceil((scores.length * 4) / 3 / RUN_CHARS)
  const runs: number[] = []
  let first = 0
  for (let at = 1; at <= scores.length; at += 1) {
    const score = scores[first] ?? 0
    if (at < scores.length && scores[at] === score) continue
    if (score > 0) runs.push(first, at - first, score)
    if (runs.length > 3 * mostRuns) return { dense: Buffer.from(scores).toString('base64') }
    first = at
  }
  return runs.length === 0 ? undefined : { runs }
}
