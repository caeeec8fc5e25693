const MAX_REASON_CHARS = 300

/** What Glance says in the page that goes with a refusal, as one line: `<h1>409 Conflict</h1> the sentence <br />`. */
export function refusalReason(page: string): string {
  const text = page.replace(/^[\s\S]*<\/h1>/i, '').replace(/<[^>]*>/g, ' ')
  const line = text.replace(/\s+/g, ' ').trim().replace(/\.$/, '')
  return line === '' ? 'it does not say why' : line.slice(0, MAX_REASON_CHARS)
}
